using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kaito.OpenAI;

/// <summary>Body of <c>POST /v1/chat/completions</c>.</summary>
/// <seealso href="https://platform.openai.com/docs/api-reference/chat/create"/>
public sealed record ChatCompletionRequest : SamplingRequest
{
    /// <summary>The conversation, oldest first; required.</summary>
    public IReadOnlyList<ChatMessage>? Messages { get; init; }

    /// <summary>Wins over <see cref="SamplingRequest.MaxTokens"/>.</summary>
    public int? MaxCompletionTokens { get; init; }

    /// <summary>Asks for the log probability of each token.</summary>
    public bool? Logprobs { get; init; }

    /// <summary>Alternatives per token.</summary>
    public int? TopLogprobs { get; init; }

    /// <summary>Function declarations, as sent.</summary>
    public IReadOnlyList<JsonElement>? Tools { get; init; }

    /// <summary><c>none</c>, <c>auto</c>, <c>required</c> or a named function, as sent.</summary>
    public JsonElement? ToolChoice { get; init; }

    /// <summary>Whether an answer may call several functions; default true.</summary>
    public bool? ParallelToolCalls { get; init; }

    /// <summary>How much to think, for templates that know of it.</summary>
    public string? ReasoningEffort { get; init; }

    /// <summary>Leaves thoughts out of the answer when false.</summary>
    public bool? IncludeReasoning { get; init; }

    /// <summary>Opens the assistant's turn; default true.</summary>
    public bool? AddGenerationPrompt { get; init; }

    /// <summary>Goes on with the last message instead of answering it; needs <see cref="AddGenerationPrompt"/> false.</summary>
    public bool? ContinueFinalMessage { get; init; }

    /// <summary>Lets the tokenizer add its own start and end tokens to the rendered template; default false.</summary>
    public bool? AddSpecialTokens { get; init; }

    /// <summary>Puts the last message before the answer when the assistant wrote it.</summary>
    public bool? Echo { get; init; }

    /// <summary>Documents for templates that take them, as sent.</summary>
    public IReadOnlyList<JsonElement>? Documents { get; init; }

    /// <summary>A template of the request's own; refused by this project's server.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>Variables of the chat template, such as <c>enable_thinking</c>.</summary>
    public IReadOnlyDictionary<string, JsonElement>? ChatTemplateKwargs { get; init; }
}

/// <summary>One turn of a conversation.</summary>
public sealed record ChatMessage
{
    /// <summary><c>system</c>, <c>developer</c>, <c>user</c>, <c>assistant</c> or <c>tool</c>.</summary>
    public string? Role { get; init; }

    /// <summary><see langword="null"/> for an assistant that only called tools.</summary>
    public MessageContent? Content { get; init; }

    /// <summary>Name of the author, where there are several.</summary>
    public string? Name { get; init; }

    /// <summary>The assistant's earlier thoughts; templates decide whether they are shown.</summary>
    public string? ReasoningContent { get; init; }

    /// <summary>The assistant's earlier calls, as sent.</summary>
    public IReadOnlyList<JsonElement>? ToolCalls { get; init; }

    /// <summary>The call that a tool message answers.</summary>
    public string? ToolCallId { get; init; }
}

/// <summary>A whole chat answer.</summary>
public sealed record ChatCompletion(
    string Id, long Created, string Model, IReadOnlyList<ChatChoice> Choices, Usage Usage)
{
    /// <summary><c>chat.completion</c>.</summary>
    public string Object { get; init; } = "chat.completion";

    /// <summary>What the model expected of the prompt, by token id; null for its first token.</summary>
    public IReadOnlyList<IReadOnlyDictionary<string, PromptLogprob>?>? PromptLogprobs { get; init; }

    /// <summary>Ids of the prompt's tokens, where they were asked for.</summary>
    public IReadOnlyList<int>? PromptTokenIds { get; init; }
}

/// <summary>One answer of <see cref="ChatCompletion.Choices"/>.</summary>
/// <param name="Index">Position among the choices.</param>
/// <param name="Message">The assistant's turn.</param>
/// <param name="FinishReason"><c>stop</c>, <c>length</c> or <c>abort</c>.</param>
/// <param name="StopReason">The stop string or stop token id; <see langword="null"/> for the model's own end.</param>
public sealed record ChatChoice(
    int Index,
    AssistantMessage Message,
    string? FinishReason,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] JsonElement? StopReason)
{
    /// <summary>Where they were asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public ChatLogprobs? Logprobs { get; init; }

    /// <summary>Ids of the answer's tokens, where they were asked for.</summary>
    public IReadOnlyList<int>? TokenIds { get; init; }
}

/// <summary>The turn that the model produced.</summary>
/// <param name="Content">The text; <see langword="null"/> when the model only called functions.</param>
public sealed record AssistantMessage([property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Content)
{
    /// <summary><c>assistant</c>.</summary>
    public string Role { get; init; } = "assistant";

    /// <summary>Always <see langword="null"/> here; clients expect the member.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Refusal { get; init; }

    /// <summary>Calls the model wants made.</summary>
    public IReadOnlyList<ToolCall> ToolCalls { get; init; } = [];

    /// <summary>What the model thought before it answered, where it does.</summary>
    public string? Reasoning { get; init; }

    /// <summary>The same under its older name.</summary>
    public string? ReasoningContent => Reasoning;
}

/// <summary>One server-sent chunk of a streamed chat answer.</summary>
public sealed record ChatCompletionChunk(
    string Id, long Created, string Model, IReadOnlyList<ChunkChoice> Choices, Usage? Usage = null)
{
    /// <summary><c>chat.completion.chunk</c>.</summary>
    public string Object { get; init; } = "chat.completion.chunk";
}

/// <summary>What one chunk adds to one choice.</summary>
/// <param name="Index">Position among the choices.</param>
/// <param name="Delta">The addition.</param>
/// <param name="FinishReason">Set on the closing chunk of the choice only.</param>
/// <param name="StopReason">As in <see cref="ChatChoice"/>.</param>
public sealed record ChunkChoice(
    int Index,
    ChatDelta Delta,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason,
    JsonElement? StopReason = null)
{
    /// <summary>Of exactly the tokens of this chunk.</summary>
    public ChatLogprobs? Logprobs { get; init; }

    /// <summary>Ids of the tokens of this chunk, where they were asked for.</summary>
    public IReadOnlyList<int>? TokenIds { get; init; }
}

/// <summary>Role on the first chunk of a choice, text, thoughts or calls on the others.</summary>
public sealed record ChatDelta(string? Role = null, string? Content = null)
{
    /// <summary>More of what the model thinks.</summary>
    public string? Reasoning { get; init; }

    /// <summary>The same under its older name.</summary>
    public string? ReasoningContent => Reasoning;

    /// <summary>More of the calls.</summary>
    public IReadOnlyList<ToolCallDelta>? ToolCalls { get; init; }
}
