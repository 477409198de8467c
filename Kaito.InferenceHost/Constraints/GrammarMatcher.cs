using Kaito.InferenceHost.Engine;

namespace Kaito.InferenceHost.Constraints;

/// <summary>
/// Keeps one sequence within its grammar. Once a token is known, the mask of the next one is computed on another thread,
/// while the model works on that token. For one thread at a time.
/// </summary>
internal sealed class GrammarMatcher : ITokenConstraint, IThreadPoolWorkItem, IDisposable
{
    private const int WordBits = 32;

    // The mask is there; a token waits to be taken; somebody takes it; nobody wants the mask any more.
    private const int Ready = 0;
    private const int Queued = 1;
    private const int Computing = 2;
    private const int Left = 3;

    private readonly GrammarTokenizer _tokenizer;
    private readonly MatcherHandle _matcher;
    private readonly uint[] _mask;
    private int _state;
    private int _token;
    private string? _failure;

    /// <param name="tokenizer">Gets the matcher back in the end.</param>
    /// <param name="matcher">At the beginning of an answer; for this object alone.</param>
    public GrammarMatcher(GrammarTokenizer tokenizer, MatcherHandle matcher)
    {
        (_tokenizer, _matcher) = (tokenizer, matcher);
        _mask = new uint[(tokenizer.VocabularySize + WordBits - 1) / WordBits];
        if (matcher.First.Length == 0)
        {
            ComputeMask();
            matcher.First = [.. _mask];
        }
        else
        {
            matcher.First.CopyTo(_mask, 0);
        }
    }

    private GrammarMatcher(GrammarMatcher other)
    {
        (_tokenizer, _matcher, _failure) = (other._tokenizer, other._matcher.Clone(), other._failure);
        _mask = [.. other._mask];
    }

    /// <inheritdoc/>
    public string? Failure
    {
        get
        {
            Settle();
            return _failure;
        }
    }

    /// <summary>The same state for another sequence.</summary>
    public GrammarMatcher Clone()
    {
        Settle();
        return new(this);
    }

    /// <inheritdoc/>
    public void Mask(Span<float> logits)
    {
        Settle();
        TokenMask.Apply(_mask, logits);
    }

    /// <inheritdoc/>
    public void Push(int token)
    {
        Settle();
        if (_failure is null && !_tokenizer.EndTokens.Contains(token) && LlgNative.IsStopped(_matcher.Address) == 0)
        {
            _token = token;
            if (Interlocked.CompareExchange(ref _state, Queued, Ready) == Ready)
            {
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            }
        }
    }

    /// <summary>Takes the token that waits, unless somebody else has done so by now.</summary>
    public void Execute()
    {
        if (Interlocked.CompareExchange(ref _state, Computing, Queued) != Queued)
        {
            return;
        }

        Take(_token);
        if (Interlocked.CompareExchange(ref _state, Ready, Computing) == Left)
        {
            GiveBack();
        }
    }

    public void Dispose()
    {
        // Whoever still computes gives it back.
        if (Interlocked.Exchange(ref _state, Left) is Ready or Queued)
        {
            GiveBack();
        }
    }

    // Does the work itself when no other thread has come to it yet; otherwise waits for the rest of one mask.
    private void Settle()
    {
        Execute();
        var spin = default(SpinWait);
        while (Volatile.Read(ref _state) == Computing)
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }
    }

    private void Take(int token)
    {
        _matcher.Tokens++;
        if (LlgNative.Consume(_matcher.Address, (uint)token) != 0)
        {
            _failure = Problem();
        }

        ComputeMask();
    }

    private void ComputeMask()
    {
        // What the grammar cannot go on with ends this answer, and no other one.
        if (_failure is null && LlgNative.IsStopped(_matcher.Address) == 0
            && LlgNative.ComputeMask(_matcher.Address, _mask, (nuint)(_mask.Length * sizeof(uint))) != 0)
        {
            _failure = Problem();
        }

        if (_failure is not null || LlgNative.IsStopped(_matcher.Address) != 0)
        {
            _mask.AsSpan().Clear();
            AllowEnd();
        }
        else if (AnyEndIsAllowed())
        {
            AllowEnd();
        }
    }

    private string Problem() => LlgNative.Problem(_matcher.Address) ?? "unknown";

    private void GiveBack()
    {
        if (_failure is null)
        {
            _tokenizer.Keep(_matcher);
        }
        else
        {
            _matcher.Dispose();
        }
    }

    // A model may end its turn with one of several tokens; the grammar knows of one.
    private void AllowEnd()
    {
        foreach (var end in _tokenizer.EndTokens)
        {
            _mask[end / WordBits] |= 1u << (end % WordBits);
        }
    }

    private bool AnyEndIsAllowed()
    {
        foreach (var end in _tokenizer.EndTokens)
        {
            if (TokenMask.Has(_mask, end))
            {
                return true;
            }
        }

        return false;
    }
}
