using System.Buffers;
using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Models;
using Microsoft.Win32.SafeHandles;

namespace Kaito.InferenceHost.Constraints;

/// <summary>What grammars need to know of a model's tokens; one per model, for all threads.</summary>
internal sealed class GrammarTokenizer : SafeHandleZeroOrMinusOneIsInvalid
{
    // Before the spelling of a control token, so that no text of a grammar is one.
    private const byte Control = 0xFF;

    private readonly ServedModel _model;

    private GrammarTokenizer(nint handle, ServedModel model)
        : base(ownsHandle: true)
    {
        _model = model;
        SetHandle(handle);
    }

    /// <summary>Takes about a second for a vocabulary of 128 Ki tokens.</summary>
    /// <exception cref="GrammarException">The runtime's library cannot constrain answers.</exception>
    public static GrammarTokenizer Create(ServedModel model)
    {
        var lengths = new uint[model.VocabularySize];
        var bytes = new ArrayBufferWriter<byte>(1 << 20);
        for (var token = 0; token < lengths.Length; token++)
        {
            var spelling = model.Text.TokenBytes(token);
            var control = model.EndTokens.Contains(token) || model.Text.IsSpecial(token);
            if (control)
            {
                bytes.Write([Control]);
            }

            bytes.Write(spelling);
            lengths[token] = (uint)(spelling.Length + (control ? 1 : 0));
        }

        try
        {
            return new(LlgNative.NewTokenizer(lengths, bytes.WrittenSpan, model.EndTokens.Min()), model);
        }
        catch (Exception missing) when (missing is EntryPointNotFoundException or DllNotFoundException)
        {
            throw new GrammarException("This build of the runtime cannot constrain answers.");
        }
        catch (InvalidOperationException refused)
        {
            throw new GrammarException($"The model's tokens cannot be constrained: {refused.Message}");
        }
    }

    /// <summary>Prepares a grammar for one sequence; takes about a millisecond.</summary>
    /// <exception cref="GrammarException">The grammar is wrong.</exception>
    public GrammarMatcher Compile(Grammar grammar)
    {
        var held = false;
        DangerousAddRef(ref held);
        try
        {
            var matcher = new GrammarMatcher(
                LlgNative.NewMatcher(handle, grammar.Kind, grammar.Text, out var problem), _model);
            if (problem is not null)
            {
                matcher.Dispose();
                throw new GrammarException(problem.ReplaceLineEndings(" ").Trim());
            }

            return matcher;
        }
        finally
        {
            DangerousRelease();
        }
    }

    protected override bool ReleaseHandle()
    {
        LlgNative.FreeTokenizer(handle);
        return true;
    }
}

/// <summary>Keeps one sequence within its grammar. For one thread at a time.</summary>
internal sealed class GrammarMatcher : SafeHandleZeroOrMinusOneIsInvalid, ITokenConstraint
{
    private const int WordBits = 32;

    private readonly ServedModel _model;
    private readonly uint[] _mask;

    public GrammarMatcher(nint handle, ServedModel model)
        : base(ownsHandle: true)
    {
        _model = model;
        _mask = new uint[(model.VocabularySize + WordBits - 1) / WordBits];
        SetHandle(handle);
    }

    /// <inheritdoc/>
    public string? Failure { get; private set; }

    /// <summary>The same state for another sequence.</summary>
    public GrammarMatcher Clone() => new(LlgNative.CloneMatcher(handle), _model);

    /// <inheritdoc/>
    public void Mask(Span<float> logits)
    {
        // What the grammar cannot go on with ends this answer, and no other one.
        if (Failure is null && LlgNative.IsStopped(handle) == 0
            && LlgNative.ComputeMask(handle, _mask, (nuint)(_mask.Length * sizeof(uint))) != 0)
        {
            Failure = LlgNative.Problem(handle) ?? "unknown";
        }

        if (Failure is not null || LlgNative.IsStopped(handle) != 0)
        {
            _mask.AsSpan().Clear();
            AllowEnd();
        }
        else if (AnyEndIsAllowed())
        {
            AllowEnd();
        }

        TokenMask.Apply(_mask, logits);
    }

    /// <inheritdoc/>
    public void Push(int token)
    {
        if (Failure is null && !_model.EndTokens.Contains(token) && LlgNative.IsStopped(handle) == 0
            && LlgNative.Consume(handle, (uint)token) != 0)
        {
            Failure = LlgNative.Problem(handle) ?? "unknown";
        }
    }

    protected override bool ReleaseHandle()
    {
        LlgNative.FreeMatcher(handle);
        return true;
    }

    // A model may end its turn with one of several tokens; the grammar knows of one.
    private void AllowEnd()
    {
        foreach (var end in _model.EndTokens)
        {
            _mask[end / WordBits] |= 1u << (end % WordBits);
        }
    }

    private bool AnyEndIsAllowed()
    {
        foreach (var end in _model.EndTokens)
        {
            if (TokenMask.Has(_mask, end))
            {
                return true;
            }
        }

        return false;
    }
}
