using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace Kaito.DevCluster.Schemas.Cel;

/// <summary>One x-kubernetes-validations rule.</summary>
internal sealed class CelRule
{
    private static readonly ConcurrentDictionary<string, CelRule?> s_read = new(StringComparer.Ordinal);

    private readonly Func<CelScope, object?> _holds;

    private CelRule(string text, Func<CelScope, object?> holds) =>
        (NamesOldSelf, _holds) = (text.Contains("oldSelf", StringComparison.Ordinal), holds);

    /// <summary>A transition rule: checked only when there is an old value.</summary>
    public bool NamesOldSelf { get; }

    /// <summary>The rule; <see langword="null"/> when it uses a part of the language that is not read here.</summary>
    public static CelRule? Read(string text) => s_read.GetOrAdd(text, static text =>
    {
        try
        {
            return new CelRule(text, new CelParser(text).Parse());
        }
        catch (FormatException)
        {
            return null;
        }
    });

    /// <summary>Whether the rule holds; a rule that cannot be computed for the values does not.</summary>
    public bool Holds(JsonNode self, JsonNode? oldSelf)
    {
        try
        {
            return _holds(new(self, oldSelf)) is true;
        }
        catch (CelException)
        {
            return false;
        }
    }
}

/// <summary>A rule met a value that it has no answer for, e.g. a field that is absent.</summary>
internal sealed class CelException(string message) : Exception(message);

/// <summary>What the names in a rule stand for.</summary>
internal sealed record CelScope(JsonNode Self, JsonNode? OldSelf)
{
    private readonly string? _name;
    private readonly object? _value;
    private readonly CelScope? _outer;

    private CelScope(CelScope outer, string name, object? value)
        : this(outer.Self, outer.OldSelf) => (_outer, _name, _value) = (outer, name, value);

    public CelScope With(string name, object? value) => new(this, name, value);

    public object? Find(string name) => name switch
    {
        "self" => CelValues.Of(Self),
        "oldSelf" => CelValues.Of(OldSelf),
        _ when name == _name => _value,
        _ => _outer is null ? throw new CelException($"{name} is unknown") : _outer.Find(name),
    };
}
