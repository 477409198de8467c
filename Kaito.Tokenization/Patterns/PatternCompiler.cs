using System.Diagnostics;

namespace Kaito.Tokenization.Patterns;

internal enum PatternCode
{
    Accept,
    One,
    Loop,
    Jump,
    Fork,
    Ahead,
    Atomic,
    Place,
}

/// <param name="Code">What to do.</param>
/// <param name="Class">For One and Loop.</param>
/// <param name="Target">Where to go on.</param>
/// <param name="Other">Fork: where to go when the first way fails.</param>
/// <param name="Least">Loop: required count; Place: the anchor.</param>
/// <param name="Most">Loop: allowed count.</param>
/// <param name="Negated">Ahead: must not match; Loop: possessive.</param>
internal readonly record struct PatternInstruction(
    PatternCode Code,
    CharClass? Class = null,
    int Target = 0,
    int Other = 0,
    int Least = 0,
    int Most = int.MaxValue,
    bool Negated = false)
{
    public const int Failed = -1;
    public const int Accepted = -2;
}

/// <summary>Turns a syntax tree into instructions.</summary>
internal static class PatternCompiler
{
    /// <summary>Counted groups are written out; past this many instructions a pattern is refused.</summary>
    private const int LongestProgram = 10_000;

    public static PatternInstruction[] Compile(PatternNode root)
    {
        var program = new List<PatternInstruction>();
        Emit(program, root);
        program.Add(new(PatternCode.Accept));
        return [.. program];
    }

    private static void Emit(List<PatternInstruction> program, PatternNode node)
    {
        if (program.Count > LongestProgram)
        {
            throw new FormatException("the pattern is too long");
        }

        switch (node)
        {
            case PatternNode.One one:
                program.Add(new(PatternCode.One, one.Class));
                break;
            case PatternNode.Sequence sequence:
                foreach (var part in sequence.Parts)
                {
                    Emit(program, part);
                }

                break;
            case PatternNode.Choice choice:
                EmitChoice(program, choice.Alternatives);
                break;
            case PatternNode.Repeat repeat:
                EmitRepeat(program, repeat);
                break;
            case PatternNode.Ahead ahead:
                EmitInner(program, new(PatternCode.Ahead, Negated: ahead.Negated), ahead.Body);
                break;
            case PatternNode.Atomic atomic:
                EmitInner(program, new(PatternCode.Atomic), atomic.Body);
                break;
            case PatternNode.Place place:
                program.Add(new(PatternCode.Place, Least: (int)place.Anchor));
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static void EmitInner(List<PatternInstruction> program, PatternInstruction outer, PatternNode body)
    {
        var at = program.Count;
        program.Add(outer);
        Emit(program, body);
        program.Add(new(PatternCode.Accept));
        program[at] = outer with { Target = program.Count };
    }

    private static void EmitChoice(List<PatternInstruction> program, IReadOnlyList<PatternNode> alternatives)
    {
        var exits = new List<int>();
        for (var index = 0; index < alternatives.Count; index++)
        {
            if (index == alternatives.Count - 1)
            {
                Emit(program, alternatives[index]);
                break;
            }

            var fork = program.Count;
            program.Add(default);
            Emit(program, alternatives[index]);
            exits.Add(program.Count);
            program.Add(default);
            program[fork] = new(PatternCode.Fork, Target: fork + 1, Other: program.Count);
        }

        foreach (var exit in exits)
        {
            program[exit] = new(PatternCode.Jump, Target: program.Count);
        }
    }

    private static void EmitRepeat(List<PatternInstruction> program, PatternNode.Repeat repeat)
    {
        if (repeat is { Body: PatternNode.One one, Mode: not RepeatMode.Lazy })
        {
            var possessive = repeat.Mode == RepeatMode.Possessive;
            program.Add(new(
                PatternCode.Loop,
                one.Class,
                Least: repeat.Least,
                Most: repeat.Most ?? int.MaxValue,
                Negated: possessive));
            return;
        }

        if (repeat.Mode == RepeatMode.Possessive)
        {
            EmitInner(program, new(PatternCode.Atomic), repeat with { Mode = RepeatMode.Greedy });
            return;
        }

        for (var count = 0; count < repeat.Least; count++)
        {
            Emit(program, repeat.Body);
        }

        EmitOptional(program, repeat);
    }

    private static void EmitOptional(List<PatternInstruction> program, PatternNode.Repeat repeat)
    {
        if (repeat.Most is { } most)
        {
            var forks = new List<int>();
            for (var count = repeat.Least; count < most; count++)
            {
                forks.Add(program.Count);
                program.Add(default);
                Emit(program, repeat.Body);
            }

            foreach (var fork in forks)
            {
                program[fork] = Branch(repeat.Mode, fork + 1, program.Count);
            }

            return;
        }

        var again = program.Count;
        program.Add(default);
        Emit(program, repeat.Body);
        program.Add(new(PatternCode.Jump, Target: again));
        program[again] = Branch(repeat.Mode, again + 1, program.Count);
    }

    private static PatternInstruction Branch(RepeatMode mode, int enter, int leave) => mode == RepeatMode.Lazy
        ? new(PatternCode.Fork, Target: leave, Other: enter)
        : new(PatternCode.Fork, Target: enter, Other: leave);
}
