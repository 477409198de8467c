using System.Buffers;
using System.Collections.Frozen;
using Kaito.InferenceHost.Models;
using Microsoft.Win32.SafeHandles;

namespace Kaito.InferenceHost.Constraints;

/// <summary>What grammars need to know of a model's tokens; one per model, for all threads.</summary>
internal sealed class GrammarTokenizer : SafeHandleZeroOrMinusOneIsInvalid
{
    // Before the spelling of a control token, so that no text of a grammar is one.
    private const byte Control = 0xFF;

    private readonly IdleMatchers _idle = new();

    private GrammarTokenizer(nint handle, ServedModel model)
        : base(ownsHandle: true)
    {
        (VocabularySize, EndTokens) = (model.VocabularySize, model.EndTokens);
        SetHandle(handle);
    }

    /// <summary>Length of a logits row.</summary>
    public int VocabularySize { get; }

    /// <summary>Tokens that end an answer.</summary>
    public FrozenSet<int> EndTokens { get; }

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

    /// <summary>
    /// Prepares a grammar for one sequence, its first mask included. A form that was answered lately takes microseconds, a
    /// new one milliseconds.
    /// </summary>
    /// <exception cref="GrammarException">The grammar is wrong.</exception>
    public GrammarMatcher Compile(Grammar grammar)
    {
        if (_idle.Take(grammar) is { } known)
        {
            return new(this, known);
        }

        var held = false;
        DangerousAddRef(ref held);
        try
        {
            var matcher = new MatcherHandle(
                LlgNative.NewMatcher(handle, grammar.Kind, grammar.Text, out var problem), grammar);
            if (problem is not null)
            {
                matcher.Dispose();
                throw new GrammarException(problem.ReplaceLineEndings(" ").Trim());
            }

            return new(this, matcher);
        }
        finally
        {
            DangerousRelease();
        }
    }

    /// <summary>Takes back what an answer has ended with.</summary>
    public void Keep(MatcherHandle matcher) => _idle.Keep(matcher);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _idle.Dispose();
        }

        base.Dispose(disposing);
    }

    protected override bool ReleaseHandle()
    {
        LlgNative.FreeTokenizer(handle);
        return true;
    }
}
