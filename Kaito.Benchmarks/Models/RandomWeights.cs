using Kaito.ModelBuilder.Decoder;
using Kaito.ModelBuilder.Tiny;

namespace Kaito.Benchmarks.Models;

/// <summary>
/// Weights of models whose cost is measured: the same numbers over and over, as drawing hundreds of millions would take longer
/// than measuring.
/// </summary>
internal sealed class RandomWeights : IDecoderWeights
{
    private readonly float[] _numbers = Draw();

    public float[] Read(string name, params ReadOnlySpan<int> shape)
    {
        if (shape.Length == 1)
        {
            return [.. Enumerable.Repeat(1f, shape[0])];
        }

        var values = new float[shape[0] * shape[1]];
        var scale = (float)(1 / Math.Sqrt(shape[1]));
        var at = name.Sum(static letter => letter * 7919) % _numbers.Length;
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = _numbers[at] * scale;
            at = at + 1 == _numbers.Length ? 0 : at + 1;
        }

        return values;
    }

    private static float[] Draw()
    {
        var numbers = new SeededNumbers("medium");

        // A prime, so that rows do not repeat.
        return [.. Enumerable.Range(0, 1_048_573).Select(_ => (float)numbers.NextNormal())];
    }
}
