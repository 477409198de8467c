using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Cluster;

/// <summary>
/// Objects of one kind by key, held as packed JSON of what is kept of them: a fiftieth of what records take, and a reader
/// makes a record only of what it asks for. Any number of readers, one writer.
/// </summary>
internal sealed class ObjectCopies<T>(KubeKind<T> kind)
    where T : class, IKubeObject
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, object> _held = new(StringComparer.Ordinal);
    private readonly List<ObjectIndex<T>> _indices = [];
    private readonly LikeTexts _texts = new();

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _held.Count;
            }
        }
    }

    /// <summary>Every object as it is now, read one at a time.</summary>
    public IEnumerable<T> All
    {
        get
        {
            object[] held;
            lock (_gate)
            {
                held = [.. _held.Values];
            }

            return held.Select(Read);
        }
    }

    public ImmutableArray<string> Keys
    {
        get
        {
            lock (_gate)
            {
                return [.. _held.Keys];
            }
        }
    }

    public T? Find(string key)
    {
        lock (_gate)
        {
            return _held.TryGetValue(key, out var held) ? Read(held) : null;
        }
    }

    /// <summary>To be called before the first object comes.</summary>
    /// <param name="values">What an object can be found by; the same for the same object.</param>
    public ObjectIndex<T> Index(Func<T, IEnumerable<string>> values)
    {
        var index = new ObjectIndex<T>(values, Of, Has);
        _indices.Add(index);
        return index;
    }

    public void Set(string key, T item)
    {
        var next = Write(item);
        lock (_gate)
        {
            Reindex(key, item);
            _held[key] = next;
        }
    }

    public void Remove(string key)
    {
        lock (_gate)
        {
            Reindex(key, null);
            _held.Remove(key);
        }
    }

    private void Reindex(string key, T? next)
    {
        var before = _indices.Count > 0 && _held.TryGetValue(key, out var held) ? Read(held) : null;
        foreach (var index in _indices)
        {
            index.Move(key, before, next);
        }
    }

    private ImmutableArray<T> Of(ObjectIndex<T> index, string value)
    {
        object[] held;
        lock (_gate)
        {
            held = [.. index.Keys(value).Select(key => _held[key])];
        }

        return [.. held.Select(Read)];
    }

    private bool Has(ObjectIndex<T> index, string value)
    {
        lock (_gate)
        {
            return index.Keys(value).Any();
        }
    }

    // An object that could not be read whole says why, which its JSON would not.
    private object Write(T item) =>
        kind.IsUnreadable(item) ? item : _texts.Pack(JsonSerializer.SerializeToUtf8Bytes(item, kind.Contract));

    private T Read(object held) => held as T
        ?? _texts.Unpack((byte[])held, text => JsonSerializer.Deserialize(text, kind.Contract)!);
}

/// <summary>Finds the objects of an <see cref="ObjectCopies{T}"/> by something else than their key.</summary>
[SuppressMessage("Naming", "CA1711", Justification = "It is an index.")]
internal sealed class ObjectIndex<T>(
    Func<T, IEnumerable<string>> values, Func<ObjectIndex<T>, string, ImmutableArray<T>> read,
    Func<ObjectIndex<T>, string, bool> has)
    where T : class, IKubeObject
{
    // One key stands for itself: most values have no other.
    private readonly Dictionary<string, object> _keys = new(StringComparer.Ordinal);

    /// <summary>Objects with the value, in the order of their keys.</summary>
    public ImmutableArray<T> this[string value] => read(this, value);

    public bool Has(string value) => has(this, value);

    // The copies hold their lock around the rest.
    internal IEnumerable<string> Keys(string value) => _keys.GetValueOrDefault(value) switch
    {
        string only => [only],
        SortedSet<string> several => several,
        _ => [],
    };

    internal void Move(string key, T? from, T? to)
    {
        string[] before = from is null ? [] : [.. values(from)];
        string[] after = to is null ? [] : [.. values(to)];
        if (!before.SequenceEqual(after))
        {
            Array.ForEach(before, value => Remove(value, key));
            Array.ForEach(after, value => Add(value, key));
        }
    }

    private void Add(string value, string key)
    {
        switch (_keys.GetValueOrDefault(value))
        {
            case null:
                _keys[value] = key;
                break;
            case SortedSet<string> several:
                several.Add(key);
                break;
            case string only when only != key:
                _keys[value] = new SortedSet<string>([only, key], StringComparer.Ordinal);
                break;
            default:
                break;
        }
    }

    private void Remove(string value, string key)
    {
        if (_keys.GetValueOrDefault(value) is not SortedSet<string> several)
        {
            _keys.Remove(value);
        }
        else if (several.Remove(key) && several.Count == 1)
        {
            _keys[value] = several.Min!;
        }
    }
}
