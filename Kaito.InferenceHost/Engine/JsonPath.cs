using System.Text.Json;

namespace Kaito.InferenceHost.Engine;

/// <summary>Finds what a <see cref="JsonException"/> points at.</summary>
internal static class JsonPath
{
    private const int LongestText = 80;

    /// <param name="json">A document, valid or not.</param>
    /// <param name="path">Such as <c>$.model.decoder.head_size</c>; object members only.</param>
    /// <returns>The raw text there, shortened; null when the document is not JSON or has no such place.</returns>
    public static string? TextAt(ReadOnlyMemory<byte> json, string? path)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var at = document.RootElement;
            foreach (var name in (path ?? "$").Split('.').Skip(1))
            {
                if (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(name, out at))
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
}
