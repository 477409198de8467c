using System.Text;

namespace Kaito.RagEngine.Guardrails;

/// <param name="Scanner">Who objected.</param>
/// <param name="Action">What followed.</param>
internal readonly record struct Finding(string Scanner, GuardrailAction Action);

/// <summary>
/// One text of an answer on its way through all scanners of a policy, in the policy's order, each fed with what the
/// one before lets pass. What comes out does not depend on the pieces in which the text went in.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class OutputScan
{
    /// <summary>Characters that a scanner may hold back; an answer that needs more is blocked.</summary>
    internal const int MostHeld = 1 << 20;

    // Windows stay small by themselves; a text without a single break is the exception.
    private const int MostInWindow = 1 << 16;

    private readonly Stage[] _stages;
    private readonly List<Finding> _findings = [];

    public OutputScan(GuardrailPolicy policy) => _stages = [.. policy.Scanners.Select(static s => new Stage(s))];

    /// <summary>True once a scanner blocked, or held back too much: nothing more may be sent.</summary>
    public bool Blocked { get; private set; }

    /// <summary>In the order of the policy, each scanner once.</summary>
    public IReadOnlyList<Finding> Findings => _findings;

    /// <param name="text">What the model wrote next.</param>
    /// <param name="last">True if nothing follows.</param>
    /// <returns>What may be sent now; empty while undecided and after a block.</returns>
    /// <exception cref="System.Text.RegularExpressions.RegexMatchTimeoutException">A pattern takes too long.</exception>
    public string Push(string text, bool last)
    {
        foreach (var stage in _stages)
        {
            if (Blocked)
            {
                return "";
            }

            text = stage.Push(text, last, out var hit, out var tooMuch);
            if (hit && !_findings.Exists(f => f.Scanner == stage.Scanner.Type && f.Action == stage.Scanner.Action))
            {
                _findings.Add(new(stage.Scanner.Type, stage.Scanner.Action));
            }

            Blocked = tooMuch || (hit && stage.Scanner.Action == GuardrailAction.Block);
        }

        return Blocked ? "" : text;
    }

    private sealed class Stage(OutputScanner scanner)
    {
        private readonly StringBuilder _held = new();
        private readonly HashSet<string> _known = new(StringComparer.Ordinal);
        private string _before = "";
        private bool _blank = true;

        public OutputScanner Scanner => scanner;

        public string Push(string text, bool last, out bool hit, out bool tooMuch)
        {
            _held.Append(text);
            _blank = _blank && string.IsNullOrWhiteSpace(text);
            tooMuch = _held.Length > (scanner.NeedsWhole ? MostHeld : MostInWindow);
            hit = false;
            if (tooMuch || (!last && (_blank || scanner.NeedsWhole)))
            {
                return "";
            }

            // An answer of white space is not scanned at all.
            return _blank ? Take(_held.Length) : Scan(last, out hit);
        }

        private string Scan(bool last, out bool hit)
        {
            var seen = _before + _held;
            var start = _before.Length;
            var decided = last ? seen.Length : scanner.Decided(seen, start);
            if (!last && decided > start && char.IsHighSurrogate(seen[decided - 1]))
            {
                decided--;
            }

            hit = false;
            if (decided == start)
            {
                return "";
            }

            Take(decided - start);
            _before = seen[Math.Max(0, decided - 2)..decided];
            (var passed, hit) = scanner.Scan(seen[..decided], start, _known);
            return passed;
        }

        private string Take(int count)
        {
            var taken = _held.ToString(0, count);
            _held.Remove(0, count);
            return taken;
        }
    }
}
