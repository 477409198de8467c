using Kaito.Embeddings;
using Kaito.InferenceHost.Engine;

namespace Kaito.InferenceHost.Embeddings;

/// <summary>
/// Stands where a generation model's engine would: it owns the encoder, so that loading, draining and unloading are the
/// same for both kinds, and generates nothing.
/// </summary>
internal sealed class EncoderEngine(Embedder embedder, EngineLimits limits) : IInferenceEngine
{
    public EngineLimits Limits => limits;

    public EngineUsage Usage => default;

    public bool TryAdd(EngineSequence sequence) =>
        throw new ArgumentException("An embedding model generates no text.", nameof(sequence));

    public void Step(ICollection<EngineToken> produced)
    {
    }

    public void Remove(long sequenceId)
    {
    }

    public void Dispose() => embedder.Dispose();
}
