using Kaito.ModelBuilder.Decoder;

namespace Kaito.ModelBuilder.Checkpoints;

/// <summary>
/// Reads the projections of a checkpoint that keeps them together: query, key and value in <c>qkv_proj</c>, gate and up in
/// <c>gate_up_proj</c>, rows in this order.
/// </summary>
internal sealed class FusedWeights(IDecoderWeights checkpoint, DecoderShape shape) : IDecoderWeights
{
    private (string Name, float[] Rows) _last = ("", []);

    public float[] Read(string name, params ReadOnlySpan<int> wanted)
    {
        var (queries, keys) = (shape.Heads * shape.HeadSize, shape.KeyValueHeads * shape.HeadSize);
        return name.Split('.') is [.., var part, "weight"] ? part switch
        {
            "q_proj" => Rows(name, "qkv_proj", queries + (2 * keys), 0..queries),
            "k_proj" => Rows(name, "qkv_proj", queries + (2 * keys), queries..(queries + keys)),
            "v_proj" => Rows(name, "qkv_proj", queries + (2 * keys), (queries + keys)..(queries + (2 * keys))),
            "gate_proj" => Rows(name, "gate_up_proj", 2 * shape.Intermediate, 0..shape.Intermediate),
            "up_proj" => Rows(name, "gate_up_proj", 2 * shape.Intermediate, shape.Intermediate..(2 * shape.Intermediate)),
            _ => checkpoint.Read(name, wanted),
        }
        : checkpoint.Read(name, wanted);
    }

    // The parts of one tensor are asked for one after the other.
    private float[] Rows(string name, string fused, int height, Range rows)
    {
        var parts = name.Split('.');
        parts[^2] = fused;
        var stored = string.Join('.', parts);
        if (_last.Name != stored)
        {
            _last = (stored, checkpoint.Read(stored, height, shape.Hidden));
        }

        var (start, count) = rows.GetOffsetAndLength(height);
        return _last.Rows.AsSpan(start * shape.Hidden, count * shape.Hidden).ToArray();
    }
}
