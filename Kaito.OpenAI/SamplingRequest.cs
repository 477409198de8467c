using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kaito.OpenAI;

/// <summary>A request that may name the model it is for.</summary>
public interface IModelRequest
{
    /// <summary>A served name; <see langword="null"/> or empty for the first one.</summary>
    string? Model { get; }
}

/// <summary>What chat and text completions share, exactly as sent. Nothing here has been checked yet.</summary>
/// <remarks>The members past the OpenAI ones are vLLM's extensions. Unknown members are accepted and ignored.</remarks>
public abstract record SamplingRequest : IModelRequest
{
    /// <summary>The served model's name; the first served model when left out.</summary>
    public string? Model { get; init; }

    /// <summary>0 is greedy; 0 to 2, default 1.</summary>
    public float? Temperature { get; init; }

    /// <summary>Nucleus mass, above 0 to 1.</summary>
    public float? TopP { get; init; }

    /// <summary>Candidates kept; 0 or -1 keeps all.</summary>
    public int? TopK { get; init; }

    /// <summary>Drops tokens less probable than this share of the best one, 0 to 1.</summary>
    public float? MinP { get; init; }

    /// <summary>Above 0; 1 is off. Over prompt and output.</summary>
    public float? RepetitionPenalty { get; init; }

    /// <summary>-2 to 2, once per distinct output token.</summary>
    public float? PresencePenalty { get; init; }

    /// <summary>-2 to 2, per occurrence in the output.</summary>
    public float? FrequencyPenalty { get; init; }

    /// <summary>Token id (as text) to an addition to its logit, clamped to ±100.</summary>
    public IReadOnlyDictionary<string, float>? LogitBias { get; init; }

    /// <summary>Equal seeds and equal requests give equal answers; -1 counts as none.</summary>
    public long? Seed { get; init; }

    /// <summary>Strings that end the answer; on the wire one string or a list.</summary>
    [JsonConverter(typeof(StringOrListConverter))]
    public IReadOnlyList<string>? Stop { get; init; }

    /// <summary>Tokens that end the answer.</summary>
    public IReadOnlyList<int>? StopTokenIds { get; init; }

    /// <summary>Keeps the stop string in the answer.</summary>
    public bool? IncludeStopStrInOutput { get; init; }

    /// <summary>Goes on after the model's end-of-sequence token.</summary>
    public bool? IgnoreEos { get; init; }

    /// <summary>No end before this many new tokens.</summary>
    public int? MinTokens { get; init; }

    /// <summary>Most new tokens, at least 1.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Choices per prompt.</summary>
    public int? N { get; init; }

    /// <summary>Answer as server-sent events.</summary>
    public bool? Stream { get; init; }

    /// <summary>Only together with <see cref="Stream"/>.</summary>
    public StreamOptions? StreamOptions { get; init; }

    /// <summary>The only tokens that may be chosen.</summary>
    public IReadOnlyList<int>? AllowedTokenIds { get; init; }

    /// <summary>Words that never come about.</summary>
    public IReadOnlyList<string>? BadWords { get; init; }

    /// <summary>Leaves control tokens out of the text; default true.</summary>
    public bool? SkipSpecialTokens { get; init; }

    /// <summary>Keeps this many tokens at the end of the prompt; -1 for as many as fit.</summary>
    public int? TruncatePromptTokens { get; init; }

    /// <summary>Answers to choose from, at least <see cref="N"/>; the most probable are returned. Not for streams.</summary>
    public int? BestOf { get; init; }

    /// <summary>Log probabilities of the prompt with this many alternatives, -1 for all. Not for streams.</summary>
    public int? PromptLogprobs { get; init; }

    /// <summary>Spells tokens of log probabilities as <c>token_id:</c> and their number.</summary>
    public bool? ReturnTokensAsTokenIds { get; init; }

    /// <summary>Adds the ids of prompt and answer.</summary>
    public bool? ReturnTokenIds { get; init; }

    /// <summary>Lower is first; 0 is the default.</summary>
    public int? Priority { get; init; }

    /// <summary>Starts of prompts are shared only among requests with the same text here; not empty.</summary>
    public string? CacheSalt { get; init; }

    /// <summary>Not supported by this project's server.</summary>
    public bool? UseBeamSearch { get; init; }

    /// <summary>Kept as sent: servers differ in what they support.</summary>
    public JsonElement? ResponseFormat { get; init; }

    /// <summary>vLLM's constrained decoding, as sent.</summary>
    public JsonElement? StructuredOutputs { get; init; }

    /// <summary>Older name of <c>structured_outputs.json</c>.</summary>
    public JsonElement? GuidedJson { get; init; }

    /// <summary>Older name of <c>structured_outputs.regex</c>.</summary>
    public JsonElement? GuidedRegex { get; init; }

    /// <summary>Older name of <c>structured_outputs.choice</c>.</summary>
    public JsonElement? GuidedChoice { get; init; }

    /// <summary>Older name of <c>structured_outputs.grammar</c>.</summary>
    public JsonElement? GuidedGrammar { get; init; }
}

/// <summary>What a stream reports besides text.</summary>
public sealed record StreamOptions
{
    /// <summary>One more chunk, without choices, that carries the token counts.</summary>
    public bool? IncludeUsage { get; init; }

    /// <summary>Every chunk carries the token counts so far.</summary>
    public bool? ContinuousUsageStats { get; init; }
}

/// <summary>Token counts of one request.</summary>
/// <param name="PromptTokens">Tokens of the rendered prompts.</param>
/// <param name="TotalTokens">Prompt plus completion.</param>
/// <param name="CompletionTokens">Generated tokens of every choice, end token included.</param>
public sealed record Usage(int PromptTokens, int TotalTokens, int CompletionTokens)
{
    /// <summary>About the prompt.</summary>
    public PromptTokensDetails? PromptTokensDetails { get; init; }

    /// <summary>About the completion.</summary>
    public CompletionTokensDetails? CompletionTokensDetails { get; init; }
}

/// <param name="CachedTokens">Prompt tokens that were known from earlier requests and not computed again.</param>
public sealed record PromptTokensDetails(int CachedTokens);

/// <param name="ReasoningTokens">Generated tokens that the model thought aloud.</param>
public sealed record CompletionTokensDetails(int ReasoningTokens);
