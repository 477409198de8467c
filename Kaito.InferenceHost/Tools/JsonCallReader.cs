using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kaito.InferenceHost.Tools;

/// <summary>
/// Reads one JSON object such as <c>{"name": "f", "arguments": {…}}</c> as it arrives, and passes the arguments on before
/// they are complete.
/// </summary>
/// <param name="index">Position of the call in its answer.</param>
internal sealed class JsonCallReader(int index)
{
    private readonly StringBuilder _all = new();
    private readonly StringBuilder _member = new();
    private readonly StringBuilder _value = new();
    private readonly StringBuilder _early = new();
    private string? _name;
    private JsonDepth _at;
    private bool _inValue;
    private bool _textArguments;
    private bool _anyArguments;

    /// <summary>The object's last brace has been read.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>A name has been read: it is a call.</summary>
    public bool IsCall => _name is not null;

    /// <summary>Everything that was read.</summary>
    public string Text => _all.ToString();

    /// <summary>Takes one character of the object, the first one being its brace.</summary>
    public void Push(char c, List<AnswerPart> found)
    {
        _all.Append(c);
        var (before, depth) = (_at.InString, _at.Level);
        _at.Push(c);
        if (before)
        {
            Keep(c, found);
        }
        else if (_at.Level == 0)
        {
            EndValue(found);
            End(found);
        }
        else
        {
            Take(c, depth, found);
        }
    }

    private void Take(char c, int depth, List<AnswerPart> found)
    {
        switch (c)
        {
            case '{' when depth == 0:
                break;
            case ':' when depth == 1 && !_inValue:
                _inValue = true;
                _value.Clear();
                break;
            case ',' when depth == 1:
                EndValue(found);
                break;
            default:
                // White space within the arguments is theirs.
                if (depth > 1 || !char.IsWhiteSpace(c))
                {
                    Keep(c, found);
                }

                break;
        }
    }

    private void Keep(char c, List<AnswerPart> found)
    {
        if (!_inValue)
        {
            _member.Append(c);
            return;
        }

        if (!IsArguments)
        {
            _value.Append(c);
            return;
        }

        // Some models write the arguments as JSON within a string: that is passed on when it can be read.
        if (_value.Length == 0)
        {
            _textArguments = c == '"';
        }

        _value.Append(c);
        if (!_textArguments)
        {
            Pass(c.ToString(), found);
        }
    }

    private bool IsArguments => Member is "arguments" or "parameters";

    private string Member => _member.ToString().Trim().Trim('"');

    private void EndValue(List<AnswerPart> found)
    {
        if (_inValue && Member == "name")
        {
            _name = Unquoted(_value.ToString());
            found.Add(new AnswerPart.CallStarted(index, _name));
            if (_early.Length > 0)
            {
                found.Add(new AnswerPart.CallArguments(index, _early.ToString()));
                _early.Clear();
            }
        }
        else if (_inValue && IsArguments && _textArguments)
        {
            Pass(Unquoted(_value.ToString()), found);
        }

        _member.Clear();
        _value.Clear();
        (_inValue, _textArguments) = (false, false);
    }

    private void End(List<AnswerPart> found)
    {
        IsComplete = true;
        if (_name is not null && !_anyArguments)
        {
            Pass("{}", found);
        }
    }

    private void Pass(string text, List<AnswerPart> found)
    {
        _anyArguments = true;
        if (_name is null)
        {
            _early.Append(text);
        }
        else if (found is [.., AnswerPart.CallArguments last] && last.Index == index)
        {
            found[^1] = last with { Fragment = last.Fragment + text };
        }
        else
        {
            found.Add(new AnswerPart.CallArguments(index, text));
        }
    }

    private static string Unquoted(string json)
    {
        try
        {
            return JsonNode.Parse(json) is JsonValue value && value.TryGetValue<string>(out var text) ? text : json.Trim();
        }
        catch (JsonException)
        {
            return json.Trim();
        }
    }
}
