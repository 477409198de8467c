namespace Kaito.ModelBuilder.Adapters;

/// <summary>A linear layer that adapters may add to.</summary>
/// <param name="Name">Full name, e.g. <c>model.layers.0.self_attn.q_proj</c>.</param>
/// <param name="Width">What it reads.</param>
/// <param name="Outputs">What it gives.</param>
internal sealed record AdapterTarget(string Name, int Width, int Outputs);

/// <summary>The low-rank addition to one layer: x·<see cref="Down"/>·<see cref="Up"/>.</summary>
/// <param name="Down">Row-major [width, rank], pinned.</param>
/// <param name="Up">Row-major [rank, outputs], pinned; the adapter's scale is in it.</param>
internal sealed record LowRank(float[] Down, float[] Up);

/// <summary>An adapter in memory, in the layout that a graph reads. Never changes; safe from any thread.</summary>
/// <param name="rank">Of every layer; layers of a lower rank are filled up with zeros.</param>
/// <param name="layers">By name of the layer; a layer without an entry stays as it is.</param>
internal sealed class AdapterWeights(int rank, IReadOnlyDictionary<string, LowRank> layers)
{
    private static long s_last;

    /// <summary>Unlike that of any other adapter of this process, one of the same name included.</summary>
    public long Id { get; } = Interlocked.Increment(ref s_last);

    public int Rank => rank;

    public IReadOnlyDictionary<string, LowRank> Layers => layers;
}
