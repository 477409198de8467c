using System.Text.Json;

namespace Kaito.OpenAI;

/// <summary>Body of <c>POST /v1/responses</c>. What has several forms is kept as sent.</summary>
/// <seealso href="https://platform.openai.com/docs/api-reference/responses/create"/>
public sealed record ResponsesRequest : IModelRequest
{
    /// <summary>The served model's name; the first one when left out.</summary>
    public string? Model { get; init; }

    /// <summary>Text, or a list of items; required.</summary>
    public JsonElement? Input { get; init; }

    /// <summary>A system message before the input.</summary>
    public string? Instructions { get; init; }

    /// <summary>Most new tokens, at least 1.</summary>
    public int? MaxOutputTokens { get; init; }

    /// <summary>0 is greedy; 0 to 2.</summary>
    public float? Temperature { get; init; }

    /// <summary>Nucleus mass, above 0 to 1.</summary>
    public float? TopP { get; init; }

    /// <summary>Candidates kept; 0 or -1 keeps all.</summary>
    public int? TopK { get; init; }

    /// <summary>Lower is first; 0 is the default.</summary>
    public int? Priority { get; init; }

    /// <summary>Starts of prompts are shared only among requests with the same text here; not empty.</summary>
    public string? CacheSalt { get; init; }

    /// <summary>Answer as server-sent events; default false.</summary>
    public bool? Stream { get; init; }

    /// <summary>Functions in the flat form of this endpoint, as sent.</summary>
    public IReadOnlyList<JsonElement>? Tools { get; init; }

    /// <summary><c>none</c>, <c>auto</c>, <c>required</c> or a named function, as sent.</summary>
    public JsonElement? ToolChoice { get; init; }

    /// <summary>Whether an answer may call several functions; default true.</summary>
    public bool? ParallelToolCalls { get; init; }

    /// <summary>The form of the answer's text, as sent.</summary>
    public JsonElement? Text { get; init; }

    /// <summary>How much to think, as sent.</summary>
    public JsonElement? Reasoning { get; init; }

    /// <summary>A stored response to go on with; this project's server stores none.</summary>
    public string? PreviousResponseId { get; init; }

    /// <summary>A stored prompt; this project's server stores none.</summary>
    public JsonElement? Prompt { get; init; }

    /// <summary>Work on without the client; not for this project's server.</summary>
    public bool? Background { get; init; }

    /// <summary><c>auto</c> or <c>disabled</c>.</summary>
    public string? Truncation { get; init; }

    /// <summary>Given back as sent.</summary>
    public JsonElement? Metadata { get; init; }
}
