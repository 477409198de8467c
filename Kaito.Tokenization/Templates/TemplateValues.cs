namespace Kaito.Tokenization.Templates;

/// <summary>An error of the running template; the statement that runs adds its line.</summary>
internal sealed class TemplateError(string message, bool refused = false) : Exception(message)
{
    public bool Refused { get; } = refused;
}

/// <summary>The value of what does not exist: prints nothing, is false, has no members.</summary>
internal sealed record Undefined(string Problem)
{
    public static Undefined Name(string name) => new($"'{name}' is undefined");
}

/// <summary>A sequence that prints with parentheses.</summary>
internal sealed class TemplateTuple(IEnumerable<object?> items) : List<object?>(items);

/// <summary>A mapping in insertion order. Keys are texts, numbers, truth values, none or tuples.</summary>
internal sealed class TemplateDict
{
    private readonly List<object?> _keys = [];
    private readonly Dictionary<string, object?> _values = new(StringComparer.Ordinal);

    public IReadOnlyList<object?> Keys => _keys;

    public IEnumerable<KeyValuePair<object?, object?>> Entries =>
        _keys.Select(key => new KeyValuePair<object?, object?>(key, _values[Identity(key)]));

    public object? this[object? key]
    {
        get => _values[Identity(key)];
        set
        {
            if (_values.TryAdd(Identity(key), value))
            {
                _keys.Add(key);
            }
            else
            {
                _values[Identity(key)] = value;
            }
        }
    }

    public bool TryGet(object? key, out object? value) => _values.TryGetValue(Identity(key), out value);

    // 1, 1.0 and true are one key, as they are equal.
    private static string Identity(object? key) => key switch
    {
        TemplateText text => "s" + text.Value,
        bool flag => flag ? "n1" : "n0",
        long or double => "n" + TemplatePrinter.Number(TemplateOperators.Real(key)),
        null => "none",
        TemplateTuple tuple => "(" + string.Join('\0', tuple.Select(Identity)) + ")",
        _ => throw new TemplateError($"TypeError: unhashable type: '{TemplateOperators.TypeName(key)}'"),
    };
}

/// <summary>What <c>namespace(…)</c> makes: the only thing a template can change.</summary>
internal sealed class TemplateNamespace
{
    public Dictionary<string, object?> Members { get; } = new(StringComparer.Ordinal);
}

/// <summary>The arguments of a call.</summary>
internal sealed record CallArguments(IReadOnlyList<object?> Positional, IReadOnlyDictionary<string, object?> Named)
{
    /// <summary>The argument at a position or of a name; the default when neither is given.</summary>
    public object? Get(int index, string name, object? missing = null) =>
        index < Positional.Count ? Positional[index]
        : Named.TryGetValue(name, out var value) ? value
        : missing;

    public bool Has(int index, string name) => index < Positional.Count || Named.ContainsKey(name);

    public CallArguments After(int count) => new([.. Positional.Skip(count)], Named);
}

/// <summary>A function, macro or bound method.</summary>
internal delegate object? TemplateFunction(CallArguments arguments);
