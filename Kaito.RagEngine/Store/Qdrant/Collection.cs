using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Kaito.RagEngine.Store.Qdrant;

/// <summary>A collection that holds an index, and what this process knows about its changes. Thread-safe.</summary>
/// <param name="name">Of the collection; never used again once it is deleted.</param>
/// <param name="description">Of the index.</param>
/// <param name="order">Where the index stands among others.</param>
internal sealed class Collection(string name, IndexDescription description, long order)
{
    private readonly Lock _lock = new();
    private ImmutableHashSet<string> _uploading = [];
    private ImmutableHashSet<string> _broken = [];

    public string Name { get; } = name;

    public IndexDescription Description { get; } = description;

    public long Order { get; } = order;

    /// <summary>One writer at a time, of this process.</summary>
    [SuppressMessage("Usage", "CA2213", Justification = "Has no handle, and writers may still wait for it.")]
    public SemaphoreSlim Writing { get; } = new(1);

    /// <summary>Writes of this process whose uploads nobody may see yet.</summary>
    public IReadOnlyCollection<string> Uploading
    {
        get
        {
            lock (_lock)
            {
                return _uploading;
            }
        }
    }

    /// <summary>Writes of this process that may leave something to clean up.</summary>
    public IReadOnlyCollection<string> Broken
    {
        get
        {
            lock (_lock)
            {
                return _broken;
            }
        }
    }

    /// <summary>A write uploads from now on.</summary>
    public void Hide(string write)
    {
        lock (_lock)
        {
            _uploading = _uploading.Add(write);
        }
    }

    /// <summary>All is uploaded: whoever finds it asks the documents, which do not know it yet.</summary>
    public void Show(string write)
    {
        lock (_lock)
        {
            _uploading = _uploading.Remove(write);
        }
    }

    /// <summary>Whatever happens next, there may be something to clean up.</summary>
    public void Leave(string write)
    {
        lock (_lock)
        {
            _uploading = _uploading.Remove(write);
            _broken = _broken.Add(write);
        }
    }

    /// <summary>All is clean.</summary>
    public void Forget(string write)
    {
        lock (_lock)
        {
            _broken = _broken.Remove(write);
        }
    }
}
