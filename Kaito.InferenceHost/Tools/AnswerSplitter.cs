using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.InferenceHost.Generation;

namespace Kaito.InferenceHost.Tools;

/// <summary>What an answer may consist of.</summary>
internal sealed record SplitRules
{
    /// <summary>Thoughts stand between <c>&lt;think&gt;</c> and <c>&lt;/think&gt;</c>.</summary>
    public bool Thinks { get; init; }

    /// <summary>The prompt has opened a thought already.</summary>
    public bool BeginsInThought { get; init; }

    /// <summary>How calls are marked; null when there are none.</summary>
    public CallFormat? Calls { get; init; }

    /// <summary>The whole answer is a list of calls: the grammar saw to it.</summary>
    public bool OnlyCalls { get; init; }

    /// <summary>The whole answer is the arguments of this function; null otherwise.</summary>
    public string? OnlyArgumentsOf { get; init; }

    /// <summary>Calls after the first one are dropped.</summary>
    public bool FirstCallOnly { get; init; }

    /// <summary>Schemas of the arguments, by function.</summary>
    public IReadOnlyDictionary<string, JsonObject> Schemas { get; init; } = ImmutableDictionary<string, JsonObject>.Empty;
}

/// <summary>
/// Tells thoughts, calls and text of one answer apart as it arrives. However the text is cut into pieces, joined the
/// parts are the same.
/// </summary>
internal sealed class AnswerSplitter
{
    private const string Open = "<think>";
    private const string Close = "</think>";

    private readonly SplitRules _rules;
    private readonly ImmutableArray<string> _marks;
    private ICallReader? _calls;
    private State _state;
    private string _pending = "";
    private string _space = "";
    private bool _any;

    public AnswerSplitter(SplitRules rules)
    {
        _rules = rules;
        _marks = rules.Calls?.Begin ?? [];
        _state = rules.BeginsInThought ? State.ThoughtBegins : rules.Thinks ? State.Start : State.Text;
        if (_state == State.Text)
        {
            BeginText();
        }
    }

    private enum State
    {
        /// <summary>Nothing but white space so far: a thought may begin.</summary>
        Start,

        /// <summary>The first line end of a thought belongs to its mark.</summary>
        ThoughtBegins,
        Thought,

        /// <summary>White space before the text belongs to the mark of the thought.</summary>
        ThoughtEnded,
        Text,
        Calls,
    }

    /// <summary>Whether the answer calls a function.</summary>
    public bool HasCalls => _rules.OnlyArgumentsOf is not null ? _any : _calls?.HasCalls == true;

    public List<AnswerPart> Push(string text)
    {
        var found = new List<AnswerPart>();
        _pending += text;
        while (Advance(found))
        {
            // Each step takes something off what is pending, or changes the state.
        }

        return Kept(found);
    }

    /// <summary>The answer has ended: what was held back is what it looked like.</summary>
    public List<AnswerPart> Finish()
    {
        var found = new List<AnswerPart>();
        if (_state is State.ThoughtBegins or State.Thought)
        {
            Think(_pending, found);
        }
        else if (_state is State.Text or State.Start && _space.Length + _pending.Length > 0)
        {
            found.Add(new AnswerPart.Content(_space + _pending));
        }

        (_pending, _space) = ("", "");
        _calls?.Finish(found);
        return Kept(found);
    }

    private bool Advance(List<AnswerPart> found) => _pending.Length > 0 && _state switch
    {
        State.Start => AtStart(),
        State.ThoughtBegins => SkipLineEnd(),
        State.Thought => InsideThought(found),
        State.ThoughtEnded => SkipSpace(),
        State.Text => InsideText(found),
        _ => InsideCalls(found),
    };

    private bool AtStart()
    {
        var text = _pending.TrimStart();
        if (text.StartsWith(Open, StringComparison.Ordinal))
        {
            (_pending, _state) = (text[Open.Length..], State.ThoughtBegins);
            return true;
        }

        if (Open.StartsWith(text, StringComparison.Ordinal))
        {
            return false;
        }

        BeginText();
        return true;
    }

    private bool SkipLineEnd()
    {
        _pending = _pending[0] == '\n' ? _pending[1..] : _pending;
        _state = State.Thought;
        return true;
    }

    private bool InsideThought(List<AnswerPart> found)
    {
        var end = _pending.IndexOf(Close, StringComparison.Ordinal);
        if (end >= 0)
        {
            Think(_pending[..end].TrimEnd('\n'), found);
            (_pending, _state) = (_pending[(end + Close.Length)..], State.ThoughtEnded);
            return true;
        }

        // Line ends are held back too: those before the mark belong to it.
        var safe = _pending.Length - StopScanner.LongestOpenEnd(_pending, [Close]);
        safe = _pending[..safe].TrimEnd('\n').Length;
        Think(_pending[..safe], found);
        _pending = _pending[safe..];
        return false;
    }

    private bool SkipSpace()
    {
        _pending = _pending.TrimStart();
        if (_pending.Length > 0)
        {
            BeginText();
        }

        return _pending.Length > 0;
    }

    private void BeginText()
    {
        _state = State.Text;
        if (_rules.OnlyCalls)
        {
            BeginCalls();
        }
    }

    private bool InsideText(List<AnswerPart> found)
    {
        if (_rules.OnlyArgumentsOf is { } function)
        {
            Argue(function, found);
            return false;
        }

        if (_rules.Calls is { Body: CallBody.WholeAnswer } && !_any && _pending.TrimStart() is ['{', ..] whole)
        {
            _pending = whole;
            BeginCalls();
            return true;
        }

        var (at, mark) = FirstMark();
        if (mark is not null)
        {
            // White space before a call belongs to it.
            Say(_pending[..at].TrimEnd(), found);
            (_pending, _space) = (_pending[(at + mark.Length)..], "");
            BeginCalls();
            return true;
        }

        var safe = _pending.Length - StopScanner.LongestOpenEnd(_pending, _marks);
        Say(_pending[..safe], found);
        _pending = _pending[safe..];
        return false;
    }

    private void BeginCalls()
    {
        _state = State.Calls;
        _calls = _rules.Calls?.Body switch
        {
            _ when _rules.OnlyCalls => new JsonCalls(),
            CallBody.Named => new JsonCalls(JsonCalls.BeforeArguments),
            CallBody.DeepSeek => new JsonCalls(JsonCalls.BeforeBlock),
            CallBody.Xml => new XmlCalls(_rules.Schemas),
            _ => new JsonCalls(),
        };
    }

    private bool InsideCalls(List<AnswerPart> found)
    {
        foreach (var c in _pending)
        {
            _calls!.Push(c, found);
        }

        _pending = "";
        return false;
    }

    private void Argue(string function, List<AnswerPart> found)
    {
        if (!_any)
        {
            found.Add(new AnswerPart.CallStarted(0, function));
        }

        _any = true;
        found.Add(new AnswerPart.CallArguments(0, _pending));
        _pending = "";
    }

    // White space is held back until text follows: before a call it does not count.
    private void Say(string text, List<AnswerPart> found)
    {
        var said = text.TrimEnd();
        if (said.Length == 0 && _marks.Length > 0)
        {
            _space += text;
            return;
        }

        if (text.Length > 0)
        {
            found.Add(new AnswerPart.Content(_space + (_marks.Length > 0 ? said : text)));
            _space = _marks.Length > 0 ? text[said.Length..] : "";
            _any = true;
        }
    }

    private static void Think(string text, List<AnswerPart> found)
    {
        if (text.Length > 0)
        {
            found.Add(new AnswerPart.Reasoning(text));
        }
    }

    private (int At, string? Mark) FirstMark() => _marks
        .Select(mark => (At: _pending.IndexOf(mark, StringComparison.Ordinal), Mark: (string?)mark))
        .Where(static m => m.At >= 0)
        .OrderBy(static m => m.At).ThenByDescending(static m => m.Mark!.Length)
        .FirstOrDefault((-1, null));

    private List<AnswerPart> Kept(List<AnswerPart> found)
    {
        if (_rules.FirstCallOnly)
        {
            found.RemoveAll(static part => part is AnswerPart.CallStarted { Index: > 0 } or AnswerPart.CallArguments { Index: > 0 });
        }

        return found;
    }
}
