using System.Text;

namespace Kaito.InferenceHost.Tools;

/// <summary>Reads what follows the mark of a call, character by character, whatever number of calls it is.</summary>
internal interface ICallReader
{
    /// <summary>Whether a call has begun.</summary>
    bool HasCalls { get; }

    void Push(char c, List<AnswerPart> found);

    /// <summary>The answer has ended, perhaps in the middle of a call.</summary>
    void Finish(List<AnswerPart> found);
}

/// <summary>
/// Calls that are JSON objects with a name in them, or names with a JSON object behind them. An object without a name is
/// no call but text.
/// </summary>
/// <param name="nameOf">Finds the name that stands before an object; null where names are in the objects.</param>
internal sealed class JsonCalls(Func<string, string?>? nameOf = null) : ICallReader
{
    private readonly StringBuilder _before = new();
    private JsonCallReader? _call;
    private JsonArguments? _arguments;
    private int _next;

    /// <inheritdoc/>
    public bool HasCalls => _next > 0;

    /// <summary>Mistral's <c>NAME[ARGS]{…}</c>, also with an id and without marks.</summary>
    public static string? BeforeArguments(string before)
    {
        var text = before.Replace("[TOOL_CALLS]", "", StringComparison.Ordinal).Replace("[ARGS]", "", StringComparison.Ordinal);
        var id = text.IndexOf("[CALL_ID]", StringComparison.Ordinal);
        return NullIfNoName(id < 0 ? text : text[..id]);
    }

    /// <summary>DeepSeek's <c>function SEP NAME ```json {…}</c>, and its newer <c>NAME SEP {…}</c>.</summary>
    public static string? BeforeBlock(string before)
    {
        const string Begin = "<｜tool▁call▁begin｜>";
        var start = before.LastIndexOf(Begin, StringComparison.Ordinal);
        var parts = (start < 0 ? before : before[(start + Begin.Length)..]).Split("<｜tool▁sep｜>");
        var behind = parts.Length > 1 ? parts[^1].Replace("```json", "", StringComparison.Ordinal) : "";
        return NullIfNoName(behind) ?? NullIfNoName(parts[0]);
    }

    /// <inheritdoc/>
    public void Push(char c, List<AnswerPart> found)
    {
        if (_call is { } call)
        {
            call.Push(c, found);
            if (call.IsComplete)
            {
                EndCall(call, found);
            }
        }
        else if (_arguments is { } arguments)
        {
            arguments.Push(c, found);
            _arguments = arguments.IsComplete ? null : arguments;
        }
        else if (c == '{')
        {
            Begin(found);
        }
        else
        {
            _before.Append(c);
        }
    }

    /// <inheritdoc/>
    public void Finish(List<AnswerPart> found)
    {
        if (_call is { IsCall: false } open)
        {
            found.Add(new AnswerPart.Content(open.Text));
        }
    }

    private void Begin(List<AnswerPart> found)
    {
        var name = nameOf?.Invoke(_before.ToString());
        _before.Clear();
        if (name is null)
        {
            _call = new(_next);
            _call.Push('{', found);
        }
        else
        {
            found.Add(new AnswerPart.CallStarted(_next, name));
            _arguments = new(_next++);
            _arguments.Push('{', found);
        }
    }

    private void EndCall(JsonCallReader call, List<AnswerPart> found)
    {
        _call = null;
        if (call.IsCall)
        {
            _next++;
        }
        else
        {
            found.Add(new AnswerPart.Content(call.Text));
        }
    }

    private static string? NullIfNoName(string text) =>
        text.Trim(' ', '\n', '\r', '\t', '`', ',', ';', '[', ']') is { Length: > 0 } name && !name.Contains('<') ? name : null;
}

/// <summary>Passes a JSON object on up to its last brace.</summary>
/// <param name="index">Position of the call in its answer.</param>
internal sealed class JsonArguments(int index)
{
    private JsonDepth _at;

    public bool IsComplete { get; private set; }

    public void Push(char c, List<AnswerPart> found)
    {
        if (found is [.., AnswerPart.CallArguments last] && last.Index == index)
        {
            found[^1] = last with { Fragment = last.Fragment + c };
        }
        else
        {
            found.Add(new AnswerPart.CallArguments(index, c.ToString()));
        }

        _at.Push(c);
        IsComplete = _at is { Level: 0, InString: false };
    }
}
