using Microsoft.Extensions.AI;

namespace Kaito.RagEngine.Embedding;

/// <summary>An embedding generator with what the service must know of it.</summary>
/// <param name="Name">Stands for the way vectors are made: equal names, comparable vectors.</param>
/// <param name="Dimensions">Numbers of one vector.</param>
/// <param name="Mode"><c>local</c> or <c>remote</c>.</param>
/// <param name="Threshold">Largest squared distance at which texts count as related, unless a setting says otherwise.</param>
/// <param name="Generator">Makes the vectors.</param>
internal sealed record Embedder(
    string Name,
    int Dimensions,
    string Mode,
    double Threshold,
    IEmbeddingGenerator<string, Embedding<float>> Generator) : IDisposable
{
    /// <summary>Upstream's threshold: cosine 0.575.</summary>
    public const double UsualThreshold = 0.85;

    /// <summary>Precedes questions, for models that were trained so.</summary>
    public string QueryPrefix { get; init; } = "";

    /// <summary>Tokens of the longest text that it reads whole; <see langword="null"/> for any.</summary>
    public int? MostTokens { get; init; }

    /// <summary>The model that was asked for and is not here; <see langword="null"/> otherwise.</summary>
    public string? StandsInFor { get; init; }

    public void Dispose() => Generator.Dispose();
}

/// <summary>Vectors cannot be made; the message names why and the remedy.</summary>
internal sealed class EmbeddingException(string message, Exception? inner = null) : Exception(message, inner);
