using System.Numerics.Tensors;
using Kaito.InferenceHost.Engine;

namespace Kaito.Tests.InferenceHost.Engine;

/// <summary>Greedy, and remembers what it saw.</summary>
internal sealed class KeepingSampler : ITokenSampler
{
    private readonly List<float> _seen = [];

    public int Sample(Span<float> logits)
    {
        _seen.AddRange(logits);
        return TensorPrimitives.IndexOfMax(logits);
    }

    public float[] Take()
    {
        float[] seen = [.. _seen];
        _seen.Clear();
        return seen;
    }
}
