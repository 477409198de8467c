using Kaito.ModelBuilder.Onnx;

namespace Kaito.ModelBuilder.Decoder;

/// <summary>
/// The inputs through which adapters reach a decoder. A linear layer adds (x·A ∘ mask)·B to its product, with A
/// [width, rank], B [rank, outputs] and the mask [batch, 1, rank]. The adapters of one run lie side by side along the
/// rank; the mask holds, per row of the batch, the strength of each adapter there and 0 for those it does not have. All
/// of these inputs may be left out: the rank is then 0 and the model that of the checkpoint.
/// </summary>
internal static class LoraInputs
{
    public const string Mask = "lora_mask";
    public const string DownSuffix = ".lora_A.weight";
    public const string UpSuffix = ".lora_B.weight";

    private const string Rank = "lora_rank";

    public static void DeclareMask(OnnxGraph graph)
    {
        graph.Input(Mask, OnnxType.Float32, "lora_batch_size", 1, "lora_mask_rank");
        graph.Floats(Mask, [1, 1, 1], [1]);
    }

    /// <param name="graph">Gets the inputs and nodes.</param>
    /// <param name="layer">Full name of the linear layer, e.g. <c>model.layers.0.self_attn.q_proj</c>.</param>
    /// <param name="input">What the layer reads.</param>
    /// <param name="width">Its width.</param>
    /// <param name="outputs">Width of the result.</param>
    /// <returns>Name of what is to be added to the layer's product.</returns>
    public static string Addition(OnnxGraph graph, string layer, string input, int width, int outputs)
    {
        var (down, up) = (layer + DownSuffix, layer + UpSuffix);
        graph.Input(down, OnnxType.Float32, width, Rank);
        graph.Input(up, OnnxType.Float32, Rank, outputs);
        graph.Floats(down, [width, 0], []);
        graph.Floats(up, [0, outputs], []);
        var masked = graph.Node("Mul", [graph.Node("MatMul", [input, down]), Mask]);
        return graph.Node("MatMul", [masked, up]);
    }
}
