using Kaito.ModelBuilder.Decoder;
using Kaito.ModelBuilder.Quantization;

namespace Kaito.Tests.ModelBuilder;

/// <summary>The same weights after a trip through their codes; the embedding is not quantised.</summary>
internal sealed class RoundedWeights(IDecoderWeights weights, BlockForm form) : IDecoderWeights
{
    public float[] Read(string name, params ReadOnlySpan<int> shape)
    {
        var read = weights.Read(name, shape);
        return shape.Length == 1 || name.Contains("embed", StringComparison.Ordinal)
            ? read
            : WeightBlocks.Quantize(read, shape[0], shape[1], form).Dequantize(shape[0], shape[1]);
    }
}
