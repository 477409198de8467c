using Microsoft.Win32.SafeHandles;

namespace Kaito.InferenceHost.Constraints;

/// <summary>The runtime's memory of one grammar: what it has learnt of it while it made masks stays in it.</summary>
internal sealed class MatcherHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    /// <param name="matcher">Owned by the result.</param>
    /// <param name="grammar">What it matches.</param>
    public MatcherHandle(nint matcher, Grammar grammar)
        : base(ownsHandle: true)
    {
        Grammar = grammar;
        SetHandle(matcher);
    }

    public Grammar Grammar { get; }

    /// <summary>The mask of an answer's first token; empty while nobody has asked for it.</summary>
    public uint[] First { get; set; } = [];

    /// <summary>Tokens that went through it, in all answers.</summary>
    public int Tokens { get; set; }

    /// <summary>Address for the runtime's functions; the caller keeps this object alive meanwhile.</summary>
    public nint Address => handle;

    /// <summary>The same state, apart from this one.</summary>
    public MatcherHandle Clone() => new(LlgNative.CloneMatcher(handle), Grammar) { First = First, Tokens = Tokens };

    protected override bool ReleaseHandle()
    {
        LlgNative.FreeMatcher(handle);
        return true;
    }
}

/// <summary>
/// Matchers between two answers: the next answer of the same form takes one and need not learn the form again, which
/// would cost its first masks milliseconds. Least recently used first out. For any thread.
/// </summary>
internal sealed class IdleMatchers : IDisposable
{
    private const int Most = 8;

    // What a matcher learns takes memory and counts against the library's own limits.
    private const int MostTokens = 8 << 10;

    private readonly Lock _lock = new();

    // Most recently used last.
    private readonly List<MatcherHandle> _idle = [];
    private bool _closed;

    /// <returns>One at its beginning; null when there is none.</returns>
    public MatcherHandle? Take(Grammar grammar)
    {
        lock (_lock)
        {
            var at = _idle.FindLastIndex(idle => idle.Grammar == grammar);
            if (at < 0)
            {
                return null;
            }

            var taken = _idle[at];
            _idle.RemoveAt(at);
            return taken;
        }
    }

    /// <summary>Takes one whose answer has ended; it is freed when it cannot serve another.</summary>
    public void Keep(MatcherHandle matcher)
    {
        if (matcher.Tokens > MostTokens || LlgNative.Reset(matcher.Address) != 0)
        {
            matcher.Dispose();
            return;
        }

        MatcherHandle? surplus = null;
        lock (_lock)
        {
            _idle.Add(matcher);
            if (_closed || _idle.Count > Most)
            {
                surplus = _idle[0];
                _idle.RemoveAt(0);
            }
        }

        surplus?.Dispose();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _closed = true;
            _idle.ForEach(static idle => idle.Dispose());
            _idle.Clear();
        }
    }
}
