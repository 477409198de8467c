using System.Text.Json.Serialization;

namespace Kaito.OpenAI;

/// <summary>Body of <c>POST /score</c>: how alike texts are; each side under one of three names.</summary>
/// <seealso href="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html#score-api"/>
public sealed record ScoreRequest : IModelRequest
{
    /// <summary>The served model's name; any when left out.</summary>
    public string? Model { get; init; }

    /// <summary>One text for all of the other side, or as many as there.</summary>
    [JsonPropertyName("text_1")]
    [JsonConverter(typeof(StringOrListConverter))]
    public IReadOnlyList<string>? Text1 { get; init; }

    /// <summary>The other side.</summary>
    [JsonPropertyName("text_2")]
    [JsonConverter(typeof(StringOrListConverter))]
    public IReadOnlyList<string>? Text2 { get; init; }

    /// <summary>Newer name of the first side.</summary>
    [JsonConverter(typeof(StringOrListConverter))]
    public IReadOnlyList<string>? Queries { get; init; }

    /// <summary>Newer name of the second side.</summary>
    [JsonConverter(typeof(StringOrListConverter))]
    public IReadOnlyList<string>? Documents { get; init; }

    /// <summary>Another name of the first side.</summary>
    [JsonPropertyName("data_1")]
    [JsonConverter(typeof(StringOrListConverter))]
    public IReadOnlyList<string>? Data1 { get; init; }

    /// <summary>Another name of the second side.</summary>
    [JsonPropertyName("data_2")]
    [JsonConverter(typeof(StringOrListConverter))]
    public IReadOnlyList<string>? Data2 { get; init; }

    /// <summary>Cuts each text to this many tokens; -1 for as many as the model takes.</summary>
    public int? TruncatePromptTokens { get; init; }
}

/// <summary>The answer to a score call: one number per pair, in order.</summary>
/// <param name="Id">Starts with <c>score-</c>.</param>
/// <param name="Created">Unix seconds.</param>
/// <param name="Model">The served model's name.</param>
/// <param name="Data">One entry per pair.</param>
/// <param name="Usage">Tokens that were embedded.</param>
public sealed record ScoreList(string Id, long Created, string Model, IReadOnlyList<ScoreItem> Data, Usage Usage)
{
    /// <summary><c>list</c>.</summary>
    public string Object { get; init; } = "list";
}

/// <summary>One pair.</summary>
/// <param name="Index">Place of the pair in the request.</param>
/// <param name="Score">Cosine of the two vectors, -1 to 1.</param>
public sealed record ScoreItem(int Index, float Score)
{
    /// <summary><c>score</c>.</summary>
    public string Object { get; init; } = "score";
}

/// <summary>Body of <c>POST /rerank</c>.</summary>
public sealed record RerankRequest : IModelRequest
{
    /// <summary>The served model's name; any when left out.</summary>
    public string? Model { get; init; }

    /// <summary>What is looked for; required.</summary>
    public string? Query { get; init; }

    /// <summary>What is put in order; required.</summary>
    [JsonConverter(typeof(StringOrListConverter))]
    public IReadOnlyList<string>? Documents { get; init; }

    /// <summary>How many to return; 0 or missing for all.</summary>
    public int? TopN { get; init; }

    /// <summary>Cuts each text to this many tokens; -1 for as many as the model takes.</summary>
    public int? TruncatePromptTokens { get; init; }
}

/// <summary>The answer to a rerank call: the most relevant document first.</summary>
/// <param name="Id">Starts with <c>rerank-</c>.</param>
/// <param name="Model">The served model's name.</param>
/// <param name="Usage">Tokens that were embedded.</param>
/// <param name="Results">Documents by falling relevance.</param>
public sealed record RerankList(string Id, string Model, RerankUsage Usage, IReadOnlyList<RerankResult> Results);

/// <param name="TotalTokens">Of the query and all documents.</param>
public sealed record RerankUsage(int TotalTokens);

/// <param name="Index">Place of the document in the request.</param>
/// <param name="Document">The document.</param>
/// <param name="RelevanceScore">Cosine to the query, -1 to 1.</param>
public sealed record RerankResult(int Index, RerankDocument Document, float RelevanceScore);

/// <param name="Text">As it was sent.</param>
public sealed record RerankDocument(string Text);
