using System.Collections.Immutable;
using System.Text.Json;

namespace Kaito.RagEngine.Store;

/// <summary>
/// Top-level members of the metadata that must be equal, all of them; a member that is null also matches documents
/// without it.
/// </summary>
/// <param name="Members">Name, and value as canonical JSON; <see langword="null"/> for null.</param>
internal sealed record MetadataFilter(ImmutableArray<(string Name, string? Value)> Members)
{
    public static MetadataFilter None { get; } = new([]);

    public bool IsEmpty => Members.IsEmpty;

    public static MetadataFilter From(JsonElement members) =>
        new([.. members.EnumerateObject().Select(static m => (m.Name, Canonical(m.Value)))]);

    /// <summary>Name and value of each member of a document's metadata, as filters compare them.</summary>
    /// <param name="metadata">A JSON object.</param>
    public static ImmutableArray<(string Name, string Value)> Attributes(string metadata)
    {
        using var document = JsonDocument.Parse(metadata);
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var member in document.RootElement.EnumerateObject())
        {
            // The last of equal names counts, as everywhere.
            found.Remove(member.Name);
            if (Canonical(member.Value) is { } value)
            {
                found[member.Name] = value;
            }
        }

        return [.. found.Select(static m => (m.Key, m.Value))];
    }

    /// <summary>The same text for equal values: numbers by value, members of objects sorted.</summary>
    public static string? Canonical(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.Undefined => null,
        JsonValueKind.String => "s" + value.GetString(),
        JsonValueKind.Number => value.TryGetInt64(out var whole)
            ? FormattableString.Invariant($"n{whole}")
            : Real(value.GetDouble()),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        JsonValueKind.Array => $"[{string.Join('\u001f', value.EnumerateArray().Select(Canonical))}]",
        _ => $"{{{string.Join('\u001f', value.EnumerateObject().OrderBy(static m => m.Name, StringComparer.Ordinal)
            .Select(static m => $"{m.Name}\u001e{Canonical(m.Value)}"))}}}",
    };

    // 1.0 equals 1.
    private static string Real(double number) => Math.Floor(number) == number && Math.Abs(number) < 1e15
        ? FormattableString.Invariant($"n{(long)number}")
        : FormattableString.Invariant($"n{number:R}");
}
