using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Kaito.InferenceHost;

/// <summary>Finds what a <see cref="JsonException"/> points at.</summary>
internal static class JsonPath
{
    private const int LongestText = 80;

    /// <param name="json">A document, valid or not.</param>
    /// <param name="path">Such as <c>$.messages[0].content</c> or <c>$.logit_bias['a b']</c>.</param>
    /// <returns>The raw text there, shortened; null when the document is not JSON or has no such place.</returns>
    public static string? TextAt(ReadOnlyMemory<byte> json, string? path)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var at = document.RootElement;
            foreach (var step in Steps(path ?? "$"))
            {
                if (!TryStep(ref at, step))
                {
                    return null;
                }
            }

            var text = at.GetRawText();
            return text.Length <= LongestText ? text : text[..LongestText] + "…";
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The .NET type that a contract has at a place; null where it leaves the type open.</summary>
    public static Type? TypeAt(JsonTypeInfo contract, string? path)
    {
        var at = contract;
        foreach (var step in Steps(path ?? "$"))
        {
            var next = at.ElementType ?? at.Properties.FirstOrDefault(member => member.Name == step)?.PropertyType;
            if (next is null)
            {
                return null;
            }

            at = contract.Options.GetTypeInfo(next);
        }

        return at.Type;
    }

    // $.a[0]['b c'] is a, 0, b c.
    private static IEnumerable<string> Steps(string path)
    {
        var at = 1;
        while (at < path.Length)
        {
            var (open, close) = path.AsSpan(at).StartsWith("['") ? (2, "']") : (1, path[at] == '[' ? "]" : "");
            var end = close.Length > 0
                ? path.IndexOf(close, at, StringComparison.Ordinal)
                : path.AsSpan(at + 1).IndexOfAny('.', '[') is >= 0 and var length ? at + 1 + length : -1;
            end = end < 0 ? path.Length : end;
            yield return path[(at + open)..end];
            at = end + close.Length;
        }
    }

    private static bool TryStep(ref JsonElement at, string step)
    {
        if (at.ValueKind != JsonValueKind.Array)
        {
            return at.ValueKind == JsonValueKind.Object && at.TryGetProperty(step, out at);
        }

        var found = int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            && index < at.GetArrayLength();
        at = found ? at[index] : at;
        return found;
    }
}
