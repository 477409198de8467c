using System.Globalization;
using Kaito.ModelBuilder.Onnx;
using Kaito.ModelBuilder.Quantization;

namespace Kaito.ModelBuilder.Decoder;

/// <summary>
/// Writes the llama-family graph in the form that ONNX Runtime GenAI's own builder gives it: inputs input_ids,
/// attention_mask and past_key_values.{i}.key/value; outputs logits and present.{i}.key/value. Rotation happens inside
/// GroupQueryAttention.
/// </summary>
internal sealed class DecoderGraph
{
    public const string PastKeys = "past_key_values.%d.key";
    public const string PastValues = "past_key_values.%d.value";
    public const string PresentKeys = "present.%d.key";
    public const string PresentValues = "present.%d.value";

    private readonly OnnxGraph _graph;
    private readonly DecoderShape _shape;
    private readonly IDecoderWeights _weights;
    private readonly WeightPrecision _precision;

    private DecoderGraph(OnnxGraph graph, DecoderShape shape, IDecoderWeights weights, WeightPrecision precision)
    {
        _graph = graph;
        _shape = shape;
        _weights = weights;
        _precision = precision;
    }

    /// <summary>Adds the whole decoder to <paramref name="graph"/>, reading each weight once, in file order.</summary>
    public static void Write(
        OnnxGraph graph, DecoderShape shape, IDecoderWeights weights, WeightPrecision precision) =>
        new DecoderGraph(graph, shape, weights, precision).Write();

    private void Write()
    {
        DeclareCache();
        if (_shape.TakesAdapters)
        {
            LoraInputs.DeclareMask(_graph);
        }

        var lengths = Lengths();
        var (cosines, sines) = _shape.Rope.Caches(_shape.Context, _shape.Rotated);
        _graph.Floats("cos_cache", [_shape.Context, _shape.Rotated / 2], cosines);
        _graph.Floats("sin_cache", [_shape.Context, _shape.Rotated / 2], sines);

        var embedding = _graph.Floats(
            "model.embed_tokens.weight",
            [_shape.Vocabulary, _shape.Hidden],
            _weights.Read("model.embed_tokens.weight", _shape.Vocabulary, _shape.Hidden));
        var residual = _graph.Node("Gather", [embedding, "input_ids"], ("axis", 0L));
        var normed = _graph.Node(
            "SimplifiedLayerNormalization",
            [residual, Norm("model.layers.0.input_layernorm")],
            ("axis", -1L),
            ("epsilon", _shape.NormEpsilon),
            ("stash_type", 1L));
        for (var layer = 0; layer < _shape.Layers; layer++)
        {
            var prefix = string.Create(CultureInfo.InvariantCulture, $"model.layers.{layer}");
            var attended = Attention(layer, $"{prefix}.self_attn", normed, lengths);
            (normed, residual) = AddAndNorm(residual, attended, $"{prefix}.post_attention_layernorm");
            var transformed = FeedForward($"{prefix}.mlp", normed);
            (normed, residual) = AddAndNorm(residual, transformed, NormAfter(layer));
        }

        Head(normed, embedding);
    }

    private void DeclareCache()
    {
        _graph.Input("input_ids", OnnxType.Int64, "batch_size", "sequence_length");
        _graph.Input("attention_mask", OnnxType.Int64, "batch_size", "total_sequence_length");
        _graph.Output("logits", OnnxType.Float32, "batch_size", "sequence_length", _shape.Vocabulary);
        var (heads, size) = (_shape.KeyValueHeads, _shape.HeadSize);
        for (var layer = 0; layer < _shape.Layers; layer++)
        {
            foreach (var (past, present) in new[] { (PastKeys, PresentKeys), (PastValues, PresentValues) })
            {
                _graph.Input(
                    Numbered(past, layer), OnnxType.Float32, "batch_size", heads, "past_sequence_length", size);
                _graph.Output(
                    Numbered(present, layer), OnnxType.Float32, "batch_size", heads, "total_sequence_length", size);
            }
        }
    }

    // GroupQueryAttention wants, per row, the index of the last live key, and the longest length over all rows.
    private (string LastKeys, string Total) Lengths()
    {
        var one = _graph.Initializer<long>("one", OnnxType.Int64, [1], [1]);
        var scalarOne = _graph.Initializer<long>("scalar_one", OnnxType.Int64, [], [1]);
        var live = _graph.Node("ReduceSum", ["attention_mask", one], ("keepdims", 0L));
        var last = _graph.Node("Sub", [live, one]);
        var extent = _graph.Node("Gather", [_graph.Node("Shape", ["attention_mask"]), scalarOne], ("axis", 0L));
        return (
            _graph.Node("Cast", [last], ("to", (long)OnnxType.Int32)),
            _graph.Node("Cast", [extent], ("to", (long)OnnxType.Int32)));
    }

    private string Attention(int layer, string prefix, string input, (string LastKeys, string Total) lengths)
    {
        var queryWidth = _shape.Heads * _shape.HeadSize;
        var keyWidth = _shape.KeyValueHeads * _shape.HeadSize;
        var bias = _shape.QueryKeyValueBias;
        var query = Linear($"{prefix}.q_proj", input, _shape.Hidden, queryWidth, bias);
        var key = Linear($"{prefix}.k_proj", input, _shape.Hidden, keyWidth, bias);
        var value = Linear($"{prefix}.v_proj", input, _shape.Hidden, keyWidth, bias);
        if (_shape.QueryKeyNorm)
        {
            query = HeadNorm($"{prefix}.q_norm", query, queryWidth);
            key = HeadNorm($"{prefix}.k_norm", key, keyWidth);
        }

        var attended = $"{prefix}.output";
        _graph.Node(
            OnnxGraph.Microsoft,
            "GroupQueryAttention",
            [
                query, key, value, Numbered(PastKeys, layer), Numbered(PastValues, layer),
                lengths.LastKeys, lengths.Total, "cos_cache", "sin_cache",
            ],
            [attended, Numbered(PresentKeys, layer), Numbered(PresentValues, layer)],
            ("num_heads", (long)_shape.Heads),
            ("kv_num_heads", (long)_shape.KeyValueHeads),
            ("do_rotary", 1L),
            ("rotary_interleaved", 0L),
            ("local_window_size", (long)(_shape.WindowOf(layer) ?? -1)));
        return Linear($"{prefix}.o_proj", attended, queryWidth, _shape.Hidden, _shape.OutputBias);
    }

    private string HeadNorm(string name, string input, int width)
    {
        var heads = _graph.Initializer<long>($"{name}.heads", OnnxType.Int64, [3], [0, -1, _shape.HeadSize]);
        var joined = _graph.Initializer<long>($"{name}.joined", OnnxType.Int64, [3], [0, -1, width]);
        var normed = _graph.Node(
            "SimplifiedLayerNormalization",
            [_graph.Node("Reshape", [input, heads]), Vector($"{name}.weight", _shape.HeadSize)],
            ("axis", -1L),
            ("epsilon", _shape.NormEpsilon),
            ("stash_type", 1L));
        return _graph.Node("Reshape", [normed, joined]);
    }

    private string FeedForward(string prefix, string input)
    {
        var bias = _shape.FeedForwardBias;
        var gate = Linear($"{prefix}.gate_proj", input, _shape.Hidden, _shape.Intermediate, bias);
        var up = Linear($"{prefix}.up_proj", input, _shape.Hidden, _shape.Intermediate, bias);
        var activated = _graph.Node("Mul", [gate, _graph.Node("Sigmoid", [gate])]);
        var gated = _graph.Node("Mul", [activated, up]);
        return Linear($"{prefix}.down_proj", gated, _shape.Intermediate, _shape.Hidden, bias);
    }

    private (string Normed, string Sum) AddAndNorm(string residual, string addition, string norm)
    {
        var (normed, sum) = ($"{norm}.output", $"{norm}.sum");
        _graph.Node(
            OnnxGraph.Microsoft,
            "SkipSimplifiedLayerNormalization",
            [residual, addition, Norm(norm)],
            [normed, "", "", sum],
            ("epsilon", _shape.NormEpsilon));
        return (normed, sum);
    }

    private void Head(string input, string embedding)
    {
        if (_shape.TiedHead && _precision == WeightPrecision.Float32)
        {
            // One copy of the embedding serves both ends.
            _graph.Node(OnnxGraph.Microsoft, "FusedMatMul", [input, embedding], ["logits"], ("transB", 1L));
            return;
        }

        var source = _shape.TiedHead ? "model.embed_tokens" : "lm_head";
        Product("lm_head", source, input, "logits", _shape.Hidden, _shape.Vocabulary);
    }

    private string Linear(string name, string input, int width, int outputs, bool bias)
    {
        var product = $"{name}.product";
        Product(name, name, input, product, width, outputs);
        if (_shape.TakesAdapters)
        {
            product = _graph.Node("Add", [product, LoraInputs.Addition(_graph, name, input, width, outputs)]);
        }

        return bias
            ? _graph.Node("Add", [product, Vector($"{name}.bias", outputs)])
            : product;
    }

    private void Product(string name, string source, string input, string output, int width, int outputs)
    {
        var weight = _weights.Read($"{source}.weight", outputs, width);
        if (_precision == WeightPrecision.Float32)
        {
            var transposed = _graph.Floats(
                $"{name}.MatMul.weight", [width, outputs], MatrixLayout.Transpose(weight, outputs, width));
            _graph.Node("", "MatMul", [input, transposed], [output]);
            return;
        }

        var blocks = Int4Blocks.Quantize(
            weight, outputs, width, _precision == WeightPrecision.Int4Block128 ? 128 : 32);
        _graph.Node(
            OnnxGraph.Microsoft,
            "MatMulNBits",
            [
                input,
                _graph.Initializer<byte>(
                    $"{name}.MatMul.weight_Q4",
                    OnnxType.UInt8,
                    [outputs, blocks.PerRow, blocks.BlockSize / 2],
                    blocks.Packed),
                _graph.Floats($"{name}.MatMul.weight_scales", [outputs * blocks.PerRow], blocks.Scales),
            ],
            [output],
            ("K", (long)width),
            ("N", (long)outputs),
            ("bits", 4L),
            ("block_size", (long)blocks.BlockSize),
            ("accuracy_level", 4L));
    }

    private string Norm(string name) => Vector($"{name}.weight", _shape.Hidden);

    private string Vector(string name, int length) => _graph.Floats(name, [length], _weights.Read(name, length));

    private string NormAfter(int layer) => layer == _shape.Layers - 1
        ? "model.norm"
        : string.Create(CultureInfo.InvariantCulture, $"model.layers.{layer + 1}.input_layernorm");

    private static string Numbered(string pattern, int layer) =>
        pattern.Replace("%d", layer.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
}
