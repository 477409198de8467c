namespace Kaito.InferenceHost.Engine;

/// <summary>
/// One loaded model: add / step / remove. Called from the scheduler's thread only; implementations hold no locks.
/// Engines turn tokens into logits and know nothing of text, end-of-sequence or stop conditions.
/// </summary>
internal interface IInferenceEngine : IDisposable
{
    EngineLimits Limits { get; }

    /// <summary>Takes a sequence in, or returns <see langword="false"/> when every slot is taken.</summary>
    /// <remarks>Its first token appears in a later <see cref="Step"/>; a long prompt takes several.</remarks>
    /// <exception cref="ArgumentException">Prompt plus new tokens exceed <see cref="EngineLimits.ContextTokens"/>.</exception>
    bool TryAdd(EngineSequence sequence);

    /// <summary>Runs at most one prefill chunk and one decode step for every running sequence.</summary>
    /// <param name="produced">Receives at most one token per sequence; not cleared first.</param>
    /// <exception cref="EngineException">The native runtime failed; every running sequence is lost.</exception>
    void Step(ICollection<EngineToken> produced);

    /// <summary>Drops a sequence and frees its cache. Unknown ids are ignored.</summary>
    void Remove(long sequenceId);
}

/// <param name="ContextTokens">Most tokens of one sequence, prompt included.</param>
/// <param name="MaxSequences">Most sequences that run together.</param>
/// <param name="VocabularySize">Length of a logits row.</param>
internal sealed record EngineLimits(int ContextTokens, int MaxSequences, int VocabularySize);

/// <param name="Id">Unique among running sequences.</param>
/// <param name="Prompt">Token ids, at least one; shape [prompt_length].</param>
/// <param name="MaxNewTokens">The engine stops the sequence itself after this many, at least 1.</param>
/// <param name="Sampler">Chooses each token; called on the engine's thread.</param>
internal sealed record EngineSequence(long Id, ReadOnlyMemory<int> Prompt, int MaxNewTokens, ITokenSampler Sampler);

/// <summary>One token of one sequence. The caller removes the sequence when this token ends it.</summary>
internal readonly record struct EngineToken(long SequenceId, int Token);

/// <summary>Turns a row of logits into a token and remembers what it chose; belongs to one sequence.</summary>
internal interface ITokenSampler
{
    /// <param name="logits">Shape [vocab]; may be overwritten.</param>
    int Sample(Span<float> logits);
}

/// <summary>The native runtime refused a step; its state must be considered lost.</summary>
internal sealed class EngineException(string message, Exception? inner = null) : Exception(message, inner);
