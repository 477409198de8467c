using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kaito.OpenAI;

/// <summary>Body of <c>POST /v1/completions</c>.</summary>
/// <seealso href="https://platform.openai.com/docs/api-reference/completions/create"/>
public sealed record CompletionRequest : SamplingRequest
{
    /// <summary>One or more prompts, as text or as token ids; required.</summary>
    public PromptInput? Prompt { get; init; }

    /// <summary>Puts the prompt before the answer.</summary>
    public bool? Echo { get; init; }

    /// <summary>Text after the insertion point.</summary>
    public string? Suffix { get; init; }

    /// <summary>Asks for log probabilities with this many alternatives.</summary>
    public int? Logprobs { get; init; }

    /// <summary>Lets the tokenizer add its beginning-of-sequence token to text prompts; default true.</summary>
    public bool? AddSpecialTokens { get; init; }
}

/// <summary>A whole completion, or one streamed chunk of it: they share a shape.</summary>
public sealed record Completion(
    string Id, long Created, string Model, IReadOnlyList<CompletionChoice> Choices, Usage? Usage = null)
{
    /// <summary><c>text_completion</c>.</summary>
    public string Object { get; init; } = "text_completion";
}

/// <summary>One answer; in a stream, what a chunk adds to it.</summary>
/// <param name="Index">Prompt index times <c>n</c>, plus the sample's.</param>
/// <param name="Text">Whole text, or the addition.</param>
/// <param name="FinishReason"><c>stop</c>, <c>length</c> or <c>abort</c>; <see langword="null"/> while running.</param>
/// <param name="StopReason">The stop string or stop token id.</param>
public sealed record CompletionChoice(
    int Index,
    string Text,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] JsonElement? StopReason = null)
{
    /// <summary>Where they were asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public CompletionLogprobs? Logprobs { get; init; }

    /// <summary>What the model expected of the prompt, by token id; null for its first token.</summary>
    public IReadOnlyList<IReadOnlyDictionary<string, PromptLogprob>?>? PromptLogprobs { get; init; }

    /// <summary>Ids of the answer's tokens, where they were asked for.</summary>
    public IReadOnlyList<int>? TokenIds { get; init; }

    /// <summary>Ids of the prompt's tokens, where they were asked for.</summary>
    public IReadOnlyList<int>? PromptTokenIds { get; init; }
}
