using System.Collections.Frozen;
using System.Collections.Immutable;
using Kaito.InferenceHost.Adapters;
using Kaito.InferenceHost.Engine;

namespace Kaito.InferenceHost.Generation;

/// <summary>A call that can run.</summary>
internal interface IGenerationCall
{
    /// <summary>Its sequences, at least one.</summary>
    ImmutableArray<GenerationRequest> Requests { get; }
}

/// <summary>One sequence that can run as it stands: tokenized, bounded, every default filled in.</summary>
/// <param name="Prompt">Token ids of the rendered prompt, at least one; shape [prompt_length].</param>
/// <param name="MaxNewTokens">Upper bound on generated tokens, at least 1.</param>
/// <param name="Sampling">How each token is chosen.</param>
/// <param name="Stop">What ends the answer before <paramref name="MaxNewTokens"/>.</param>
internal sealed record GenerationRequest(
    ReadOnlyMemory<int> Prompt, int MaxNewTokens, SamplingParameters Sampling, StopRules Stop)
{
    /// <summary>
    /// Alternatives to report with each token of the answer; <see langword="null"/> for no report at all, and
    /// <see cref="TokenReports.All"/> for all.
    /// </summary>
    public int? Report { get; init; }

    /// <summary>The same for the tokens of the prompt.</summary>
    public int? ReportPrompt { get; init; }

    /// <summary>Nothing is generated: only the prompt is of interest.</summary>
    public bool PromptOnly { get; init; }

    /// <summary>The form that the answer must have, for this sequence alone; null for none.</summary>
    public ITokenConstraint? Constraint { get; init; }

    /// <summary>Lower ones go first.</summary>
    public int Priority { get; init; }

    /// <summary>Starts of prompts are shared among calls with the same one.</summary>
    public string CacheSalt { get; init; } = "";

    /// <summary>
    /// Whether the answer begins within a thought; <see langword="null"/> when the model does not think aloud.
    /// </summary>
    public bool? BeginsInThought { get; init; }

    /// <summary>What it runs under; null for the model alone.</summary>
    public ChosenAdapters? Adapters { get; init; }

    /// <summary>Keeps control tokens in the text.</summary>
    public bool KeepSpecialTokens { get; init; }
}

/// <summary>Sampling of one sequence; every value is in its range.</summary>
/// <param name="Temperature">0 is greedy.</param>
/// <param name="TopP">Above 0 to 1; 1 is off.</param>
/// <param name="TopK">0 is off.</param>
/// <param name="MinP">0 to 1; 0 is off.</param>
/// <param name="RepetitionPenalty">Above 0; 1 is off.</param>
/// <param name="PresencePenalty">-2 to 2; 0 is off.</param>
/// <param name="FrequencyPenalty">-2 to 2; 0 is off.</param>
/// <param name="Seed"><see langword="null"/> draws one.</param>
/// <param name="Bias">Token id to logit addition.</param>
/// <param name="Allowed">The only tokens that may be chosen; empty for all.</param>
/// <param name="Banned">Sequences of tokens that never come about, none empty.</param>
internal sealed record SamplingParameters(
    float Temperature = 1,
    float TopP = 1,
    int TopK = 0,
    float MinP = 0,
    float RepetitionPenalty = 1,
    float PresencePenalty = 0,
    float FrequencyPenalty = 0,
    long? Seed = null,
    ImmutableArray<KeyValuePair<int, float>> Bias = default,
    FrozenSet<int>? Allowed = null,
    ImmutableArray<ImmutableArray<int>> Banned = default)
{
    public static SamplingParameters Greedy { get; } = new(Temperature: 0);
}

/// <summary>What ends an answer besides its token budget.</summary>
/// <param name="Texts">Stop strings, none empty.</param>
/// <param name="Tokens">Stop tokens of the request.</param>
/// <param name="IncludeText">Keeps the stop string in the answer.</param>
/// <param name="IgnoreEnd">Goes on after the model's end tokens.</param>
/// <param name="MinNewTokens">Nothing but the budget ends the answer before this many tokens.</param>
internal sealed record StopRules(
    ImmutableArray<string> Texts,
    FrozenSet<int> Tokens,
    bool IncludeText = false,
    bool IgnoreEnd = false,
    int MinNewTokens = 0)
{
    public static StopRules None { get; } = new([], FrozenSet<int>.Empty);
}
