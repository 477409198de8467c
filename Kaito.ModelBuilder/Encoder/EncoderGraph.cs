using System.Globalization;
using Kaito.ModelBuilder.Decoder;
using Kaito.ModelBuilder.Onnx;

namespace Kaito.ModelBuilder.Encoder;

/// <summary>
/// Writes the BERT graph with the inputs and the output that Hugging Face's own exports have: input_ids,
/// attention_mask and token_type_ids, all int64 of shape [batch, sequence]; last_hidden_state of shape
/// [batch, sequence, hidden], or with a head logits of shape [batch, labels]. Padding may stand anywhere; no token attends to
/// it.
/// </summary>
/// <seealso href="https://aclanthology.org/N19-1423/">Devlin et al., NAACL 2019.</seealso>
internal sealed class EncoderGraph
{
    private const string Ids = "input_ids";
    private const string Mask = "attention_mask";
    private const string Types = "token_type_ids";
    private const string Result = "last_hidden_state";
    private const string Logits = "logits";

    private readonly OnnxGraph _graph;
    private readonly EncoderShape _shape;
    private readonly IDecoderWeights _weights;

    private EncoderGraph(OnnxGraph graph, EncoderShape shape, IDecoderWeights weights) =>
        (_graph, _shape, _weights) = (graph, shape, weights);

    /// <summary>Adds the whole encoder to <paramref name="graph"/>, reading each weight once.</summary>
    public static void Write(OnnxGraph graph, EncoderShape shape, IDecoderWeights weights) =>
        new EncoderGraph(graph, shape, weights).Write();

    private void Write()
    {
        foreach (var input in new[] { Ids, Mask, Types })
        {
            _graph.Input(input, OnnxType.Int64, "batch_size", "sequence_length");
        }

        if (_shape.Labels == 0)
        {
            _graph.Output(Result, OnnxType.Float32, "batch_size", "sequence_length", _shape.Hidden);
        }
        else
        {
            _graph.Output(Logits, OnnxType.Float32, "batch_size", _shape.Labels);
        }

        var padding = _graph.Node("Cast", [Mask], ("to", (long)OnnxType.Int32));
        var state = Norm("embeddings.LayerNorm", Embedded());
        for (var layer = 0; layer < _shape.Layers; layer++)
        {
            var prefix = string.Create(CultureInfo.InvariantCulture, $"encoder.layer.{layer}");
            state = AddAndNorm($"{prefix}.attention.output", state, Attention(prefix, state, padding));
            state = AddAndNorm($"{prefix}.output", state, FeedForward(prefix, state));
        }

        if (_shape.Labels == 0)
        {
            _graph.Node("", "Identity", [state], [Result]);
        }
        else
        {
            _graph.Node("", "Identity", [Judged(state)], [Logits]);
        }
    }

    // The first token stands for the text.
    private string Judged(string state)
    {
        var at = _graph.Initializer<long>("first", OnnxType.Int64, [], [0]);
        var first = _graph.Node("Gather", [state, at], ("axis", 1L));
        var pooled = _graph.Node("Tanh", [Linear("pooler.dense", first, _shape.Hidden, _shape.Hidden)]);
        return Linear("classifier", pooled, _shape.Hidden, _shape.Labels);
    }

    private string Embedded()
    {
        var words = Row("embeddings.word_embeddings", _shape.Vocabulary, Ids);
        var types = Row("embeddings.token_type_embeddings", _shape.TokenTypes, Types);

        // The first rows, as many as the batch is wide.
        var first = _graph.Initializer<long>("zero", OnnxType.Int64, [1], [0]);
        var one = _graph.Initializer<long>("one", OnnxType.Int64, [1], [1]);
        var width = _graph.Node("Gather", [_graph.Node("Shape", [Ids]), one], ("axis", 0L));
        var positions = _graph.Node(
            "Slice", [Table("embeddings.position_embeddings", _shape.Positions), first, width, first]);
        return _graph.Node("Add", [_graph.Node("Add", [words, types]), positions]);
    }

    private string Attention(string prefix, string input, string padding)
    {
        var query = Linear($"{prefix}.attention.self.query", input, _shape.Hidden, _shape.Hidden);
        var key = Linear($"{prefix}.attention.self.key", input, _shape.Hidden, _shape.Hidden);
        var value = Linear($"{prefix}.attention.self.value", input, _shape.Hidden, _shape.Hidden);
        var attended = _graph.MicrosoftNode(
            "MultiHeadAttention", [query, key, value, "", padding], ("num_heads", (long)_shape.Heads));
        return Linear($"{prefix}.attention.output.dense", attended, _shape.Hidden, _shape.Hidden);
    }

    private string FeedForward(string prefix, string input)
    {
        var wide = Linear($"{prefix}.intermediate.dense", input, _shape.Hidden, _shape.Intermediate);
        var activated = $"{prefix}.intermediate.activated";
        _graph.Node(_shape.Activation.Domain, _shape.Activation.Operator, [wide], [activated]);
        return Linear($"{prefix}.output.dense", activated, _shape.Intermediate, _shape.Hidden);
    }

    private string AddAndNorm(string prefix, string residual, string addition) =>
        _graph.MicrosoftNode(
            "SkipLayerNormalization",
            [residual, addition, Vector($"{prefix}.LayerNorm.weight", _shape.Hidden), Shift($"{prefix}.LayerNorm")],
            ("epsilon", _shape.NormEpsilon));

    private string Norm(string name, string input) => _graph.Node(
        "LayerNormalization",
        [input, Vector($"{name}.weight", _shape.Hidden), Shift(name)],
        ("axis", -1L),
        ("epsilon", _shape.NormEpsilon));

    private string Linear(string name, string input, int width, int outputs)
    {
        var weight = _weights.Read($"{name}.weight", outputs, width);
        var transposed = _graph.Floats(
            $"{name}.MatMul.weight", [width, outputs], MatrixLayout.Transpose(weight, outputs, width));
        return _graph.Node("Add", [_graph.Node("MatMul", [input, transposed]), Vector($"{name}.bias", outputs)]);
    }

    private string Row(string name, int rows, string index) =>
        _graph.Node("Gather", [Table(name, rows), index], ("axis", 0L));

    private string Table(string name, int rows) => _graph.Floats(
        $"{name}.weight", [rows, _shape.Hidden], _weights.Read($"{name}.weight", rows, _shape.Hidden));

    private string Shift(string name) => Vector($"{name}.bias", _shape.Hidden);

    private string Vector(string name, int length) => _graph.Floats(name, [length], _weights.Read(name, length));
}
