using System.Text;
using System.Text.Json;

namespace Kaito.RagEngine.Store;

/// <summary>PURE: what of a passage is searched: its document's metadata, then its own text.</summary>
internal static class PassageText
{
    public static string Searched(string text, string metadata)
    {
        var lines = Lines(metadata);
        return lines.Length == 0 ? text : $"{lines}\n\n{text}";
    }

    /// <summary><c>key: value</c> lines; empty without metadata.</summary>
    public static string Lines(string metadata)
    {
        if (metadata is "{}")
        {
            return "";
        }

        using var document = JsonDocument.Parse(metadata);
        var lines = new StringBuilder();
        foreach (var member in document.RootElement.EnumerateObject())
        {
            lines.Append(lines.Length > 0 ? "\n" : "").Append(member.Name).Append(": ")
                .Append(PythonText.Str(member.Value));
        }

        return lines.ToString();
    }
}
