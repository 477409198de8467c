using System.Collections.Immutable;
using Kaito.ModelBuilder.Adapters;

namespace Kaito.InferenceHost.Engine;

/// <summary>
/// One loaded model: add / step / remove. Called from the scheduler's thread only, except that
/// <see cref="IDisposable.Dispose"/> may come from any thread: it ends a running step with an exception.
/// Engines turn tokens into logits and know nothing of text, end-of-sequence or stop conditions.
/// </summary>
internal interface IInferenceEngine : IDisposable
{
    EngineLimits Limits { get; }

    /// <summary>What of the cache is in use; asked for between steps, on the scheduler's thread.</summary>
    EngineUsage Usage { get; }

    /// <summary>Takes a sequence in, or returns false when no slot or no memory is left for it.</summary>
    /// <remarks>Its first token appears in a later <see cref="Step"/>; a long prompt takes several.</remarks>
    /// <exception cref="ArgumentException"><see cref="EngineLimits.Require"/> rejects it, or its id runs.</exception>
    bool TryAdd(EngineSequence sequence);

    /// <summary>Runs at most one prefill chunk and one decode step for every running sequence.</summary>
    /// <param name="produced">
    /// Receives at most one token per sequence, or several in their order where they were guessed; not cleared first.
    /// </param>
    /// <exception cref="EngineException">The native runtime failed; every running sequence is lost.</exception>
    void Step(ICollection<EngineToken> produced);

    /// <summary>Drops a sequence and frees its cache. Unknown ids are ignored.</summary>
    void Remove(long sequenceId);
}

/// <param name="ContextTokens">Most tokens of one sequence, prompt included.</param>
/// <param name="MaxSequences">Most sequences that run together.</param>
/// <param name="VocabularySize">Length of a logits row.</param>
internal sealed record EngineLimits(int ContextTokens, int MaxSequences, int VocabularySize)
{
    /// <summary>Whether the logits of prompts can be read.</summary>
    public bool ReadsPrompts { get; init; }

    /// <summary>Layers to which adapters may add; empty when the engine takes none.</summary>
    public ImmutableArray<AdapterTarget> Adapters { get; init; } = [];

    /// <exception cref="ArgumentException">The sequence cannot run here; the message names value and limit.</exception>
    public void Require(EngineSequence sequence)
    {
        var prompt = sequence.Prompt.Span;
        if (prompt.IsEmpty || sequence.MaxNewTokens < 1)
        {
            throw new ArgumentException(
                $"Prompt has {prompt.Length} tokens, MaxNewTokens is {sequence.MaxNewTokens}; each must be at least 1.",
                nameof(sequence));
        }

        if (sequence.MaxNewTokens > ContextTokens - prompt.Length)
        {
            throw new ArgumentException(
                $"Prompt of {prompt.Length} plus MaxNewTokens of {sequence.MaxNewTokens} exceeds the context of "
                + $"{ContextTokens} tokens; shorten one of them.",
                nameof(sequence));
        }

        if (sequence.Adapters is not null && Adapters.IsEmpty)
        {
            throw new ArgumentException("The sequence has an adapter, and this model takes none.", nameof(sequence));
        }

        var unknown = prompt.IndexOfAnyExceptInRange(0, VocabularySize - 1);
        if (unknown >= 0)
        {
            throw new ArgumentException(
                $"Prompt[{unknown}] is {prompt[unknown]}; token ids lie between 0 and {VocabularySize - 1}.",
                nameof(sequence));
        }
    }
}

/// <param name="CachedTokens">Tokens whose keys and values are held for running sequences.</param>
/// <param name="CapacityTokens">Tokens that could be held; 0 when the engine does not know.</param>
/// <param name="PromptTokens">Tokens of prompts that were looked up in the prefix cache since the start.</param>
/// <param name="ReusedTokens">Those of them that were found there.</param>
internal readonly record struct EngineUsage(long CachedTokens, long CapacityTokens, long PromptTokens, long ReusedTokens)
{
    /// <summary>How often a sequence gave up its slot before its end.</summary>
    public long Preemptions { get; init; }

    /// <summary>Tokens that were computed again for it.</summary>
    public long RecomputedTokens { get; init; }

    /// <summary>What came of guessing tokens; null where nothing is guessed.</summary>
    public SpeculationCounts? Speculation { get; init; }
}

/// <param name="Id">Unique among running sequences.</param>
/// <param name="Prompt">Token ids, at least one; shape [prompt_length].</param>
/// <param name="MaxNewTokens">The engine stops the sequence itself after this many, at least 1.</param>
/// <param name="Sampler">Chooses each token; called on the engine's thread.</param>
internal sealed record EngineSequence(long Id, ReadOnlyMemory<int> Prompt, int MaxNewTokens, ITokenSampler Sampler)
{
    /// <summary>
    /// Sees what the model expected at each position of the prompt; null when nobody does. Only where
    /// <see cref="EngineLimits.ReadsPrompts"/>; the whole prompt is then computed, whatever is known of it.
    /// </summary>
    public IPromptReader? PromptReader { get; init; }

    /// <summary>Only sequences with the same text here know each other's starts.</summary>
    public string CacheSalt { get; init; } = "";

    /// <summary>Nothing of it is looked up among earlier sequences or remembered for later ones.</summary>
    public bool Unremembered { get; init; }

    /// <summary>Each token must be known to the caller before the next one is chosen: nothing is guessed.</summary>
    public bool OneByOne { get; init; }

    /// <summary>Lower ones go first, and give up their slot last.</summary>
    public int Priority { get; init; }

    /// <summary>The adapters that work on it, for the layers in <see cref="EngineLimits.Adapters"/>; null for none.</summary>
    public AdapterMix? Adapters { get; init; }
}

/// <summary>One token of one sequence. The caller removes the sequence when this token ends it.</summary>
internal readonly record struct EngineToken(long SequenceId, int Token)
{
    /// <summary>With the first token of a sequence: how many of its prompt were not computed but known.</summary>
    public int Reused { get; init; }
}

/// <summary>Turns a row of logits into a token and remembers what it chose; belongs to one sequence.</summary>
internal interface ITokenSampler
{
    /// <param name="logits">Shape [vocab]; may be overwritten.</param>
    int Sample(Span<float> logits);
}

/// <summary>Keeps a sequence within rules; belongs to one sequence.</summary>
internal interface ITokenConstraint
{
    /// <summary>Sets the logits of tokens that may not come next to negative infinity.</summary>
    /// <param name="logits">Shape [vocab].</param>
    void Mask(Span<float> logits);

    /// <summary>Takes the token that came.</summary>
    void Push(int token);

    /// <summary>Why no further token can keep the form; <see langword="null"/> while one can. Other sequences go on.</summary>
    string? Failure => null;
}

/// <summary>Reads what the model expected of a prompt; belongs to one sequence.</summary>
internal interface IPromptReader
{
    /// <param name="position">Of the prompt's token that the logits are about; from 1 on, each once, in order.</param>
    /// <param name="logits">Shape [vocab].</param>
    void Read(int position, ReadOnlySpan<float> logits);
}

/// <summary>The native runtime refused a step; its state must be considered lost.</summary>
internal sealed class EngineException(string message, Exception? inner = null) : Exception(message, inner);
