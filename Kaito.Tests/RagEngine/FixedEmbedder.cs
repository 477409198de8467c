using Kaito.RagEngine.Embedding;
using Microsoft.Extensions.AI;

namespace Kaito.Tests.RagEngine;

/// <summary>An embedder whose vectors a test decides; by default every text has the same one.</summary>
internal sealed class FixedEmbedder(string name, int dimensions, Func<string, float[]>? vector = null)
    : IEmbedderSource, IEmbeddingGenerator<string, Embedding<float>>
{
    /// <summary>Upstream's threshold, unless a test says otherwise.</summary>
    public double Threshold { get; init; } = Embedder.UsualThreshold;

    public Task<Embedder> MakeAsync(CancellationToken cancellationToken) =>
        Task.FromResult(new Embedder(name, dimensions, "local", Threshold, this));

    public Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default) =>
        Task.FromResult(new GeneratedEmbeddings<Embedding<float>>(values.Select(Make)));

    public object? GetService(Type serviceType, object? serviceKey = null) => null;

    public void Dispose()
    {
    }

    private Embedding<float> Make(string text)
    {
        var made = vector?.Invoke(text) ?? [1, .. new float[dimensions - 1]];
        return new(made);
    }
}
