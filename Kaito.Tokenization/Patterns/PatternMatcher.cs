using System.Diagnostics;
using System.Text;

namespace Kaito.Tokenization.Patterns;

/// <summary>A backtracking matcher over code points, compiled from a syntax tree into instructions.</summary>
internal sealed class PatternMatcher
{
    /// <summary>
    /// Steps per character of text, above a fixed allowance, after which a pattern counts as runaway.
    /// </summary>
    private const int StepsPerCharacter = 4_000;
    private const int FreeSteps = 1_000_000;

    private readonly string _source;
    private readonly PatternInstruction[] _program;

    private PatternMatcher(string source, PatternInstruction[] program)
    {
        _source = source;
        _program = program;
    }

    /// <summary>Compiles an Oniguruma or Rust pattern as tokenizer files carry them.</summary>
    /// <exception cref="FormatException">The pattern uses syntax that is not supported.</exception>
    public static PatternMatcher Parse(string pattern) =>
        new(pattern, PatternCompiler.Compile(PatternParser.Parse(pattern)));

    public static PatternMatcher Literal(string text) => new(text, PatternCompiler.Compile(
        new PatternNode.Sequence([.. text.EnumerateRunes().Select(static rune =>
            new PatternNode.One(CharClass.Range(rune.Value, rune.Value)))])));

    /// <summary>
    /// Calls <paramref name="found"/> for every non-overlapping match, left to right; empty ones are skipped.
    /// </summary>
    public void ForEachMatch(ReadOnlySpan<char> text, Action<int, int> found)
    {
        var run = new Run(text, (long)text.Length * StepsPerCharacter + FreeSteps);
        for (var start = 0; start < text.Length;)
        {
            var end = Match(ref run, 0, start);
            if (end > start)
            {
                found(start, end - start);
                start = end;
            }
            else
            {
                start += LengthAt(text, start);
            }
        }
    }

    /// <summary>The text with every match replaced by a fixed text.</summary>
    public string Replace(string text, string replacement)
    {
        var result = new StringBuilder(text.Length);
        var end = 0;
        ForEachMatch(text, (start, length) =>
        {
            result.Append(text, end, start - end).Append(replacement);
            end = start + length;
        });
        return end == 0 ? text : result.Append(text, end, text.Length - end).ToString();
    }

    private static int LengthAt(ReadOnlySpan<char> text, int at) =>
        char.IsHighSurrogate(text[at]) && at + 1 < text.Length && char.IsLowSurrogate(text[at + 1]) ? 2 : 1;

    private static int LengthBefore(ReadOnlySpan<char> text, int at) =>
        at > 1 && char.IsLowSurrogate(text[at - 1]) && char.IsHighSurrogate(text[at - 2]) ? 2 : 1;

    private static Rune RuneAt(ReadOnlySpan<char> text, int at, out int length)
    {
        var unit = text[at];
        if (unit < 0x80)
        {
            length = 1;
            return new(unit);
        }

        Rune.DecodeFromUtf16(text[at..], out var rune, out length);
        return rune;
    }

    // Returns the end of the match, or -1.
    private int Match(ref Run run, int from, int start)
    {
        var floor = run.Pending;
        var (pc, at) = (from, start);
        while (true)
        {
            run.Spend(_source);
            ref readonly var step = ref _program[pc];
            var next = step.Code == PatternCode.Accept ? Accepted(ref run, floor, at) : Execute(ref run, pc, ref at);
            if (next == PatternInstruction.Accepted)
            {
                return at;
            }

            if (next != PatternInstruction.Failed)
            {
                pc = next;
            }
            else if (!run.TryResume(floor, out pc, out at))
            {
                return PatternInstruction.Failed;
            }
        }
    }

    private static int Accepted(ref Run run, int floor, int at)
    {
        run.Cut(floor);
        Debug.Assert(at >= 0, "A match ends inside the text.");
        return PatternInstruction.Accepted;
    }

    // Executes one instruction; returns the next one or Failed.
    private int Execute(ref Run run, int pc, ref int at)
    {
        ref readonly var step = ref _program[pc];
        switch (step.Code)
        {
            case PatternCode.One:
                return One(run.Text, step.Class!, ref at) ? pc + 1 : PatternInstruction.Failed;
            case PatternCode.Loop:
                return Loop(ref run, step, pc, ref at);
            case PatternCode.Jump:
                return step.Target;
            case PatternCode.Fork:
                run.Save(step.Other, at, at);
                return step.Target;
            case PatternCode.Ahead or PatternCode.Atomic:
                return Inner(ref run, step, Match(ref run, pc + 1, at), ref at);
            case PatternCode.Place:
                return Holds(run.Text, (Anchor)step.Least, at) ? pc + 1 : PatternInstruction.Failed;
            default:
                throw new UnreachableException();
        }
    }

    // The inner pattern of a lookahead or an atomic group has matched up to an end, or failed.
    private static int Inner(ref Run run, in PatternInstruction step, int end, ref int at)
    {
        run.Remaining--;
        var matched = end != PatternInstruction.Failed;
        if (matched && step.Code == PatternCode.Atomic)
        {
            at = end;
        }

        return matched != step.Negated ? step.Target : PatternInstruction.Failed;
    }

    private static bool One(ReadOnlySpan<char> text, CharClass set, ref int at)
    {
        if (at >= text.Length || !set.Contains(RuneAt(text, at, out var length)))
        {
            return false;
        }

        at += length;
        return true;
    }

    // A repeated class is one instruction, and its backtracking is one entry that shrinks.
    private static int Loop(ref Run run, in PatternInstruction step, int pc, ref int at)
    {
        var (count, least) = (0, at);
        while (count < step.Most && One(run.Text, step.Class!, ref at))
        {
            run.Remaining--;
            count++;
            if (count == step.Least)
            {
                least = at;
            }
        }

        if (count < step.Least)
        {
            return PatternInstruction.Failed;
        }

        if (at > least && !step.Negated)
        {
            run.Save(pc + 1, at - LengthBefore(run.Text, at), least);
        }

        return pc + 1;
    }

    private static bool Holds(ReadOnlySpan<char> text, Anchor anchor, int at) => anchor switch
    {
        Anchor.TextStart => at == 0,
        Anchor.TextEnd => at == text.Length,
        Anchor.WordBoundary => WordBefore(text, at) != WordAfter(text, at),
        Anchor.NotWordBoundary => WordBefore(text, at) == WordAfter(text, at),
        _ => throw new UnreachableException(),
    };

    private static bool WordBefore(ReadOnlySpan<char> text, int at) =>
        at > 0 && CharClass.Word.Contains(RuneAt(text, at - LengthBefore(text, at), out _));

    private static bool WordAfter(ReadOnlySpan<char> text, int at) =>
        at < text.Length && CharClass.Word.Contains(RuneAt(text, at, out _));

    /// <summary>The text, the places to come back to and what is left of the step allowance.</summary>
    private ref struct Run(ReadOnlySpan<char> text, long allowance)
    {
        private readonly Stack<Saved> _saved = new();

        public readonly ReadOnlySpan<char> Text = text;
        public long Remaining = allowance;

        public readonly int Pending => _saved.Count;

        public void Spend(string pattern)
        {
            if (--Remaining < 0)
            {
                throw new TokenizerException(
                    $"tokenizer.json: pattern '{pattern}' backtracks too much on this text. Simplify the pattern.");
            }
        }

        public readonly void Save(int pc, int at, int least) => _saved.Push(new(pc, at, least));

        public readonly void Cut(int floor)
        {
            while (_saved.Count > floor)
            {
                _saved.Pop();
            }
        }

        public readonly bool TryResume(int floor, out int pc, out int at)
        {
            if (_saved.Count == floor)
            {
                (pc, at) = (0, 0);
                return false;
            }

            var top = _saved.Pop();
            (pc, at) = (top.Pc, top.At);
            if (top.At > top.Least)
            {
                _saved.Push(top with { At = top.At - LengthBefore(Text, top.At) });
            }

            return true;
        }
    }

    private readonly record struct Saved(int Pc, int At, int Least);
}
