using System.Diagnostics;
using System.Globalization;
using Kaito.ModelBuilder.Onnx;
using Kaito.ModelBuilder.Quantization;

namespace Kaito.ModelBuilder.Decoder;

/// <summary>
/// Writes the graph of a decoder in the form that ONNX Runtime GenAI's own builder gives it: inputs input_ids,
/// attention_mask and past_key_values.{i}.key/value; outputs logits and present.{i}.key/value. Rotation happens inside
/// GroupQueryAttention, or before it from position_ids.
/// </summary>
internal sealed class DecoderGraph
{
    public const string PastKeys = "past_key_values.%d.key";
    public const string PastValues = "past_key_values.%d.value";
    public const string PresentKeys = "present.%d.key";
    public const string PresentValues = "present.%d.value";

    public const string Positions = "position_ids";

    private const string FinalNorm = "model.norm";

    // Of the rotation of layers with a window, where it is another one.
    private const string WindowSuffix = "_window";

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
        Rotation("", _shape.Rope);
        if (_shape.WindowRope is { } local)
        {
            Rotation(WindowSuffix, local);
        }

        var embedding = _graph.Floats(
            "model.embed_tokens.weight",
            [_shape.Vocabulary, _shape.Hidden],
            _weights.Read("model.embed_tokens.weight", _shape.Vocabulary, _shape.Hidden));
        var residual = _graph.Node("Gather", [embedding, "input_ids"], ("axis", 0L));
        if (_shape.EmbeddingScale != 1)
        {
            residual = _graph.Node("Mul", [residual, _graph.Floats("embedding_scale", [], [_shape.EmbeddingScale])]);
        }

        Head(_shape is { Block: BlockKind.Sequential, LayerNorms: false } ? Fused(residual, lengths) : Plain(residual, lengths), embedding);
    }

    // The llama family's: each addition and the norm after it are one node.
    private string Fused(string residual, (string LastKeys, string Total) lengths)
    {
        var normed = Normed(residual, "model.layers.0.input_layernorm");
        for (var layer = 0; layer < _shape.Layers; layer++)
        {
            var prefix = Prefix(layer);
            var attended = Attention(layer, $"{prefix}.self_attn", normed, lengths);
            (normed, residual) = AddAndNorm(residual, attended, $"{prefix}.post_attention_layernorm");
            var transformed = FeedForward($"{prefix}.mlp", normed);
            (normed, residual) = AddAndNorm(residual, transformed, NormAfter(layer));
        }

        return normed;
    }

    private string Plain(string residual, (string LastKeys, string Total) lengths)
    {
        for (var layer = 0; layer < _shape.Layers; layer++)
        {
            var prefix = Prefix(layer);
            var normed = Normed(residual, $"{prefix}.input_layernorm");
            var attended = Attention(layer, $"{prefix}.self_attn", normed, lengths);
            residual = _shape.Block is BlockKind.Parallel or BlockKind.ParallelTwoNorms
                ? Beside(prefix, residual, normed, attended)
                : After(prefix, residual, attended);
        }

        return Normed(residual, FinalNorm);
    }

    private string Beside(string prefix, string residual, string normed, string attended)
    {
        var input = _shape.Block == BlockKind.Parallel ? normed : Normed(residual, $"{prefix}.post_attention_layernorm");
        var added = _graph.Node("Add", [attended, FeedForward($"{prefix}.mlp", input)]);
        return _graph.Node("Add", [residual, added]);
    }

    private string After(string prefix, string residual, string attended)
    {
        if (_shape.Block == BlockKind.Sequential)
        {
            var sum = _graph.Node("Add", [residual, attended]);
            return _graph.Node(
                "Add", [sum, FeedForward($"{prefix}.mlp", Normed(sum, $"{prefix}.post_attention_layernorm"))]);
        }

        var middle = _graph.Node("Add", [residual, Normed(attended, $"{prefix}.post_attention_layernorm")]);
        var transformed = FeedForward($"{prefix}.mlp", Normed(middle, $"{prefix}.pre_feedforward_layernorm"));
        return _graph.Node("Add", [middle, Normed(transformed, $"{prefix}.post_feedforward_layernorm")]);
    }

    private void Rotation(string suffix, Rope rope)
    {
        var (cosines, sines) = rope.Caches(_shape.Context, _shape.Rotated);
        _graph.Floats($"cos_cache{suffix}", [_shape.Context, _shape.Rotated / 2], cosines);
        _graph.Floats($"sin_cache{suffix}", [_shape.Context, _shape.Rotated / 2], sines);
    }

    private void DeclareCache()
    {
        _graph.Input("input_ids", OnnxType.Int64, "batch_size", "sequence_length");
        _graph.Input("attention_mask", OnnxType.Int64, "batch_size", "total_sequence_length");
        if (_shape.RotatesApart)
        {
            _graph.Input(Positions, OnnxType.Int64, "batch_size", "sequence_length");
        }

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

        var suffix = _shape.WindowRope is not null && _shape.WindowOf(layer) is not null ? WindowSuffix : "";
        if (_shape.RotatesApart)
        {
            query = Rotated(query, _shape.Heads, suffix);
            key = Rotated(key, _shape.KeyValueHeads, suffix);
        }

        var attended = $"{prefix}.output";
        string[] rotation = _shape.RotatesApart ? [] : [$"cos_cache{suffix}", $"sin_cache{suffix}"];
        _graph.Node(
            OnnxGraph.Microsoft,
            "GroupQueryAttention",
            [
                query, key, value, Numbered(PastKeys, layer), Numbered(PastValues, layer),
                lengths.LastKeys, lengths.Total, .. rotation,
            ],
            [attended, Numbered(PresentKeys, layer), Numbered(PresentValues, layer)],
            [
                ("num_heads", (long)_shape.Heads), ("kv_num_heads", (long)_shape.KeyValueHeads),
                ("do_rotary", _shape.RotatesApart ? 0L : 1L), ("rotary_interleaved", 0L),
                ("local_window_size", (long)(_shape.WindowOf(layer) ?? -1)),
                .. Bounds(),
            ]);
        return Linear($"{prefix}.o_proj", attended, queryWidth, _shape.Hidden, _shape.OutputBias);
    }

    private IEnumerable<OnnxAttribute> Bounds()
    {
        if (_shape.AttentionScale != 0)
        {
            yield return ("scale", _shape.AttentionScale);
        }

        if (_shape.AttentionCap != 0)
        {
            yield return ("softcap", _shape.AttentionCap);
        }
    }

    private string Rotated(string input, int heads, string suffix) => _graph.MicrosoftNode(
        "RotaryEmbedding",
        [input, Positions, $"cos_cache{suffix}", $"sin_cache{suffix}"],
        ("num_heads", (long)heads),
        ("rotary_embedding_dim", (long)_shape.Rotated),
        ("interleaved", 0L));

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
        var first = Linear(
            _shape.Gated ? $"{prefix}.gate_proj" : $"{prefix}.up_proj", input, _shape.Hidden, _shape.Intermediate, bias);
        var up = _shape.Gated ? Linear($"{prefix}.up_proj", input, _shape.Hidden, _shape.Intermediate, bias) : null;
        var hidden = Activated(first);
        if (up is not null)
        {
            hidden = _graph.Node("Mul", [hidden, up]);
        }

        return Linear($"{prefix}.down_proj", hidden, _shape.Intermediate, _shape.Hidden, bias);
    }

    private string Activated(string input) => _shape.Activation switch
    {
        Activation.Silu => _graph.Node("Mul", [input, _graph.Node("Sigmoid", [input])]),
        Activation.Gelu => _graph.MicrosoftNode("Gelu", [input]),
        Activation.GeluTanh => _graph.MicrosoftNode("FastGelu", [input]),
        _ => throw new UnreachableException(),
    };

    private string Normed(string input, string name) => _shape.LayerNorms
        ? _graph.Node(
            "LayerNormalization",
            [input, Norm(name), Vector($"{name}.bias", _shape.Hidden)],
            ("axis", -1L),
            ("epsilon", _shape.NormEpsilon),
            ("stash_type", 1L))
        : _graph.Node(
            "SimplifiedLayerNormalization",
            [input, Norm(name)],
            ("axis", -1L),
            ("epsilon", _shape.NormEpsilon),
            ("stash_type", 1L));

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
        var bare = !_shape.HeadBias && _shape.LogitCap == 0;
        var logits = bare ? "logits" : "lm_head.product";
        if (_shape.TiedHead && _precision == WeightPrecision.Float32)
        {
            // One copy of the embedding serves both ends.
            _graph.Node(OnnxGraph.Microsoft, "FusedMatMul", [input, embedding], [logits], ("transB", 1L));
        }
        else
        {
            var source = _shape.TiedHead ? "model.embed_tokens" : "lm_head";
            Product("lm_head", source, input, logits, _shape.Hidden, _shape.Vocabulary);
        }

        if (_shape.HeadBias)
        {
            logits = _shape.LogitCap == 0 ? "logits" : "lm_head.sum";
            _graph.Node("", "Add", ["lm_head.product", Vector("lm_head.bias", _shape.Vocabulary)], [logits]);
        }

        if (_shape.LogitCap != 0)
        {
            var cap = _graph.Floats("logit_cap", [], [_shape.LogitCap]);
            _graph.Node("", "Mul", [_graph.Node("Tanh", [_graph.Node("Div", [logits, cap])]), cap], ["logits"]);
        }
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

        var form = _precision switch
        {
            WeightPrecision.Int4 => new BlockForm(4, 32),
            WeightPrecision.Int4Block128 => new BlockForm(4, 128),
            _ => new BlockForm(8, 32),
        };
        var blocks = WeightBlocks.Quantize(weight, outputs, width, form);
        _graph.Node(
            OnnxGraph.Microsoft,
            "MatMulNBits",
            [
                input,
                _graph.Initializer<byte>(
                    string.Create(CultureInfo.InvariantCulture, $"{name}.MatMul.weight_Q{form.Bits}"),
                    OnnxType.UInt8,
                    [outputs, blocks.PerRow, form.Bytes],
                    blocks.Packed),
                _graph.Floats($"{name}.MatMul.weight_scales", [outputs * blocks.PerRow], blocks.Scales),
            ],
            [output],
            ("K", (long)width),
            ("N", (long)outputs),
            ("bits", (long)form.Bits),
            ("block_size", (long)form.Size),
            ("accuracy_level", 4L));
    }

    private string Norm(string name) => Vector($"{name}.weight", _shape.Hidden);

    private string Vector(string name, int length) => _graph.Floats(name, [length], _weights.Read(name, length));

    private string NormAfter(int layer) =>
        layer == _shape.Layers - 1 ? FinalNorm : $"{Prefix(layer + 1)}.input_layernorm";

    private static string Prefix(int layer) => string.Create(CultureInfo.InvariantCulture, $"model.layers.{layer}");

    private static string Numbered(string pattern, int layer) =>
        pattern.Replace("%d", layer.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
}
