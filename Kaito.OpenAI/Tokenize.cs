using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kaito.OpenAI;

/// <summary>Body of vLLM's <c>POST /tokenize</c>: a prompt, or messages to put into the chat template.</summary>
public sealed record TokenizeRequest : IModelRequest
{
    /// <summary>The served model's name; the first one when left out.</summary>
    public string? Model { get; init; }

    /// <summary>Text to encode.</summary>
    public string? Prompt { get; init; }

    /// <summary>A conversation to render and encode; wins over <see cref="Prompt"/>.</summary>
    public IReadOnlyList<ChatMessage>? Messages { get; init; }

    /// <summary>The tokenizer's own start and end tokens; default true for a prompt and false for messages.</summary>
    public bool? AddSpecialTokens { get; init; }

    /// <summary>Opens the assistant's turn; default true.</summary>
    public bool? AddGenerationPrompt { get; init; }

    /// <summary>See <see cref="ChatCompletionRequest.ContinueFinalMessage"/>.</summary>
    public bool? ContinueFinalMessage { get; init; }

    /// <summary>Variables of the chat template.</summary>
    public IReadOnlyDictionary<string, JsonElement>? ChatTemplateKwargs { get; init; }

    /// <summary>Function declarations, as sent.</summary>
    public IReadOnlyList<JsonElement>? Tools { get; init; }

    /// <summary>Adds the text of each token.</summary>
    public bool? ReturnTokenStrs { get; init; }
}

/// <summary>Answer of <c>POST /tokenize</c>.</summary>
/// <param name="Count">Number of tokens.</param>
/// <param name="MaxModelLen">Most tokens of prompt plus answer.</param>
/// <param name="Tokens">Their ids.</param>
/// <param name="TokenStrs">Their texts, where they were asked for.</param>
public sealed record TokenizeResponse(
    int Count,
    int MaxModelLen,
    IReadOnlyList<int> Tokens,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] IReadOnlyList<string>? TokenStrs);

/// <summary>Body of vLLM's <c>POST /detokenize</c>.</summary>
/// <param name="Model">The served model's name.</param>
/// <param name="Tokens">Ids; required.</param>
public sealed record DetokenizeRequest(string? Model, IReadOnlyList<int>? Tokens) : IModelRequest;

/// <summary>Answer of <c>POST /detokenize</c>.</summary>
/// <param name="Prompt">The text.</param>
public sealed record DetokenizeResponse(string Prompt);
