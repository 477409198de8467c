using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kaito.InferenceHost.Tools;

/// <summary>
/// Qwen's <c>&lt;function=NAME&gt;&lt;parameter=KEY&gt;VALUE&lt;/parameter&gt;&lt;/function&gt;</c>; values are plain text, and the
/// function's schema says which of them are something else.
/// </summary>
internal sealed class XmlCalls(IReadOnlyDictionary<string, JsonObject> schemas) : ICallReader
{
    private const string Function = "<function=";
    private const string EndFunction = "</function>";
    private const string Parameter = "<parameter=";
    private const string EndParameter = "</parameter>";

    private readonly StringBuilder _text = new();
    private string? _function;
    private string? _parameter;
    private int _next;
    private bool _first;

    /// <inheritdoc/>
    public bool HasCalls => _next > 0;

    /// <inheritdoc/>
    public void Push(char c, List<AnswerPart> found)
    {
        _text.Append(c);
        if (c != '>')
        {
            return;
        }

        var text = _text.ToString();
        if (_parameter is not null)
        {
            if (text.EndsWith(EndParameter, StringComparison.Ordinal))
            {
                EndValue(text[..^EndParameter.Length], found);
            }
        }
        else if (_function is null && text.LastIndexOf(Function, StringComparison.Ordinal) is >= 0 and var function)
        {
            Begin(text[(function + Function.Length)..^1].Trim(), found);
        }
        else if (_function is not null && text.LastIndexOf(Parameter, StringComparison.Ordinal) is >= 0 and var parameter)
        {
            _parameter = text[(parameter + Parameter.Length)..^1].Trim();
            _text.Clear();
        }
        else if (_function is not null && text.EndsWith(EndFunction, StringComparison.Ordinal))
        {
            found.Add(new AnswerPart.CallArguments(_next++, _first ? "{}" : "}"));
            _function = null;
            _text.Clear();
        }
    }

    /// <inheritdoc/>
    public void Finish(List<AnswerPart> found)
    {
        // What was cut off stays cut off.
    }

    private void Begin(string name, List<AnswerPart> found)
    {
        (_function, _first) = (name, true);
        found.Add(new AnswerPart.CallStarted(_next, name));
        _text.Clear();
    }

    private void EndValue(string text, List<AnswerPart> found)
    {
        var key = Quoted(_parameter!);
        found.Add(new AnswerPart.CallArguments(_next, $"{(_first ? "{" : ", ")}{key}: {Value(WithoutFrame(text))}"));
        _first = false;
        _parameter = null;
        _text.Clear();
    }

    // The model puts each value on lines of its own.
    private static string WithoutFrame(string text)
    {
        text = text.StartsWith('\n') ? text[1..] : text;
        return text.EndsWith('\n') ? text[..^1] : text;
    }

    private string Value(string text)
    {
        if (TypeOf() != "string")
        {
            try
            {
                return JsonNode.Parse(text)?.ToJsonString() ?? "null";
            }
            catch (JsonException)
            {
                // Text after all.
            }
        }

        return Quoted(text);
    }

    private static string Quoted(string text) => $"\"{JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(text)}\"";

    private string? TypeOf() =>
        schemas.TryGetValue(_function!, out var schema)
            && schema["properties"] is JsonObject properties && properties[_parameter!] is JsonObject property
            && property["type"] is JsonValue type && type.TryGetValue<string>(out var name)
            ? name
            : null;
}
