using System.Text.Json.Serialization;

namespace Kaito.OpenAI;

/// <summary>Answer of <c>GET /v1/models</c>.</summary>
public sealed record ModelList(IReadOnlyList<ModelCard> Data)
{
    /// <summary><c>list</c>.</summary>
    public string Object { get; init; } = "list";
}

/// <summary>One served model, with vLLM's additions.</summary>
/// <param name="Id">What clients send as <c>model</c>.</param>
/// <param name="Created">Unix seconds when the model was loaded.</param>
/// <param name="OwnedBy">The serving software.</param>
/// <param name="Root">Where the weights come from.</param>
/// <param name="Parent">The base model of an adapter.</param>
/// <param name="MaxModelLen">Most tokens of prompt plus answer.</param>
/// <param name="Permission">Fixed; some clients read it.</param>
public sealed record ModelCard(
    string Id,
    long Created,
    string OwnedBy,
    string Root,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Parent,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] int? MaxModelLen,
    IReadOnlyList<ModelAccess> Permission)
{
    /// <summary><c>model</c>.</summary>
    public string Object { get; init; } = "model";
}

/// <summary>What a client may do with a model; every server says the same.</summary>
/// <param name="Id">Unique per card.</param>
/// <param name="Created">Unix seconds.</param>
public sealed record ModelAccess(string Id, long Created)
{
    /// <summary><c>model_permission</c>.</summary>
    public string Object { get; init; } = "model_permission";

    /// <summary>No engines can be created.</summary>
    public bool AllowCreateEngine { get; init; }

    /// <summary>Sampling is what the server is for.</summary>
    public bool AllowSampling { get; init; } = true;

    /// <summary>Log probabilities may be read where the server reports them.</summary>
    public bool AllowLogprobs { get; init; } = true;

    /// <summary>There are no search indices.</summary>
    public bool AllowSearchIndices { get; init; }

    /// <summary>Anyone may list it.</summary>
    public bool AllowView { get; init; } = true;

    /// <summary>Tuning is another process.</summary>
    public bool AllowFineTuning { get; init; }

    /// <summary>Everyone.</summary>
    public string Organization { get; init; } = "*";

    /// <summary>No groups.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Group { get; init; }

    /// <summary>Never.</summary>
    public bool IsBlocking { get; init; }
}
