using System.Text.Json;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Kaito.RagEngine.Guardrails.Scanners;

/// <summary>Objects inside the answer must be JSON.</summary>
/// <param name="required">Objects that there must be; 0 or more.</param>
/// <param name="repair">True: what reads as JSON with small faults is written anew.</param>
internal sealed class JsonScanner(int required, bool repair) : OutputScanner(Name)
{
    public const string Name = "json";

    private const int Deepest = 64;

    public override Scan Scan(string text, int start, ISet<string> known)
    {
        var whole = text[start..];
        var repaired = new List<Span>();
        var valid = 0;
        var broken = false;
        foreach (var (from, end) in Objects(whole))
        {
            var candidate = whole[from..end];
            if (IsJson(candidate))
            {
                valid++;
            }
            else if (repair && Repair(candidate) is { } written)
            {
                valid++;
                repaired.Add(new(from, end, written));
            }
            else
            {
                broken = true;
            }
        }

        return new(Spans.Replace(whole, 0, repaired).Text, broken || valid < required);
    }

    /// <summary>Outermost balanced braces; those inside quoted text do not count.</summary>
    private static IEnumerable<(int Start, int End)> Objects(string text)
    {
        for (var from = text.IndexOf('{', StringComparison.Ordinal); from >= 0;)
        {
            var end = Close(text, from);
            if (end > 0)
            {
                yield return (from, end);
            }

            var next = end > 0 ? end : from + 1;
            from = next < text.Length ? text.IndexOf('{', next) : -1;
        }
    }

    private static int Close(string text, int from)
    {
        var depth = 0;
        var quoted = false;
        for (var i = from; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '\\' when quoted:
                    i++;
                    break;
                case '"':
                    quoted = !quoted;
                    break;
                case '{' when !quoted:
                    if (++depth > Deepest)
                    {
                        return -1;
                    }

                    break;
                case '}' when !quoted && --depth == 0:
                    return i + 1;
                default:
                    break;
            }
        }

        return -1;
    }

    private static bool IsJson(string text)
    {
        try
        {
            using var _ = JsonDocument.Parse(text);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    // YAML reads what people and models write for JSON: bare and single-quoted names, trailing commas, comments.
    private static string? Repair(string text)
    {
        if (text.AsSpan().IndexOfAny('&', '*') >= 0)
        {
            return null;
        }

        try
        {
            var yaml = new YamlStream();
            yaml.Load(new StringReader(text));
            return yaml.Documents is [{ RootNode: YamlMappingNode map }] ? Write(map)?.ToJsonString() : null;
        }
        catch (YamlException)
        {
            return null;
        }
    }

    private static JsonNode? Write(YamlNode node) => node switch
    {
        YamlMappingNode map => Write(map),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(Write)]),
        YamlScalarNode { Style: ScalarStyle.Plain } plain => Plain(plain.Value ?? ""),
        YamlScalarNode quoted => JsonValue.Create(quoted.Value),
        _ => null,
    };

    private static JsonObject Write(YamlMappingNode map)
    {
        var written = new JsonObject();
        foreach (var (name, value) in map.Children)
        {
            written[((name as YamlScalarNode)?.Value) ?? ""] = Write(value);
        }

        return written;
    }

    private static JsonNode? Plain(string value)
    {
        switch (value)
        {
            case "true" or "True":
                return JsonValue.Create(true);
            case "false" or "False":
                return JsonValue.Create(false);
            case "" or "null" or "None" or "~":
                return null;
            default:
                break;
        }

        try
        {
            return JsonNode.Parse(value);
        }
        catch (JsonException)
        {
            return JsonValue.Create(value);
        }
    }
}
