using Kaito.ModelBuilder.Encoder;
using Kaito.ModelBuilder.Onnx;

namespace Kaito.ModelBuilder.Checkpoints;

/// <summary>What config.json says of a BERT encoder, parsed and checked.</summary>
internal static class EncoderConfig
{
    // Judges texts instead of making vectors of them.
    private const string Classifier = "BertForSequenceClassification";

    private static readonly string[] s_architectures = ["BertModel", "BertForMaskedLM", Classifier];

    /// <summary>True when the first architecture is one that becomes an embedding model or a cross-encoder.</summary>
    public static bool Describes(ConfigFields config) =>
        config.Texts("architectures") is [var first, ..] && s_architectures.Contains(first);

    /// <exception cref="ModelBuildException">A field is missing, wrong or asks for what the graph can not
    /// do.</exception>
    public static EncoderShape Parse(ConfigFields config)
    {
        RequireSupported(config);
        var shape = new EncoderShape
        {
            Layers = config.Positive("num_hidden_layers"),
            Hidden = config.Positive("hidden_size"),
            Heads = config.Positive("num_attention_heads"),
            Intermediate = config.Positive("intermediate_size"),
            Vocabulary = config.Positive("vocab_size"),
            Positions = config.Positive("max_position_embeddings", 512),
            TokenTypes = config.Positive("type_vocab_size", 2),
            NormEpsilon = (float)config.PositiveNumber("layer_norm_eps", 1e-12),
            Activation = Activation(config),
            Labels = config.Texts("architectures")[0] == Classifier ? Labels(config) : 0,
        };
        return shape.Hidden % shape.Heads == 0
            ? shape
            : throw config.Wrong(
                "num_attention_heads", $"{shape.Heads}", $"it must divide hidden_size ({shape.Hidden})");
    }

    private static void RequireSupported(ConfigFields config)
    {
        var positions = config.Text("position_embedding_type") ?? "absolute";
        if (positions != "absolute")
        {
            throw config.Wrong("position_embedding_type", $"'{positions}'", "only 'absolute' is supported");
        }

        if (config.Flag("is_decoder", false))
        {
            throw config.Wrong("is_decoder", "true", "only encoders are supported");
        }
    }

    // Files leave out the two labels that are usual.
    private static int Labels(ConfigFields config) =>
        config.Has("id2label") ? Math.Max(1, config.Object("id2label").Count) : config.Positive("num_labels", 2);

    private static EncoderActivation Activation(ConfigFields config)
    {
        var name = config.Text("hidden_act") ?? "gelu";
        return name switch
        {
            "gelu" => new(OnnxGraph.Microsoft, "Gelu"),
            "gelu_new" or "gelu_fast" or "gelu_pytorch_tanh" => new(OnnxGraph.Microsoft, "FastGelu"),
            "relu" => new("", "Relu"),
            _ => throw config.Wrong("hidden_act", $"'{name}'", "supported are gelu, gelu_new and relu"),
        };
    }
}
