using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Kaito.Embeddings;

/// <summary>How the vectors of a text's tokens become one vector.</summary>
public enum Pooling
{
    /// <summary>Their average.</summary>
    Mean,

    /// <summary>That of the first token, BERT's <c>[CLS]</c>.</summary>
    FirstToken,

    /// <summary>The largest of each number.</summary>
    Largest,
}

/// <summary>
/// A folder with an ONNX encoder, its config.json and tokenizer.json, and what Sentence Transformers adds to them.
/// </summary>
/// <param name="Path">Full path.</param>
/// <param name="Graph">Full path of the ONNX file, which exists.</param>
/// <param name="MaxTokens">Most tokens of a text, special ones included.</param>
/// <param name="Vocabulary">Token ids lie below it; <see langword="null"/> when config.json is silent.</param>
/// <param name="PadToken">Fills short rows of a batch; no token attends to it.</param>
/// <param name="Pooling">Unless the graph pools by itself.</param>
/// <param name="Normalize">Whether vectors get length 1 unless a request says otherwise.</param>
/// <param name="ShorterWidths">
/// The widths to which vectors may be cut, for models that were trained so; <see langword="null"/> when they were not,
/// empty when any width will do.
/// </param>
public sealed record EncoderFolder(
    string Path,
    string Graph,
    int MaxTokens,
    int? Vocabulary,
    int PadToken,
    Pooling Pooling,
    bool Normalize,
    ImmutableArray<int>? ShorterWidths)
{
    /// <summary>
    /// Whether pairs of texts have two end tokens between them and no types, as RoBERTa's; otherwise one, and the second
    /// text is of type 1, as BERT's.
    /// </summary>
    public bool DoublesSeparator { get; init; }

    private const string ConfigName = "config.json";
    private const int UsualTokens = 512;

    // Generation models have this file.
    private const string GenerationConfigName = "genai_config.json";

    private static readonly string[] s_graphs =
        ["model.onnx", "onnx/model.onnx", "model_optimized.onnx", "onnx/model_optimized.onnx"];

    // Their position tables begin after the padding's id.
    private static readonly string[] s_shifted = ["roberta", "xlm-roberta", "camembert", "mpnet"];

    /// <summary>True for a folder with an ONNX file and a config.json that is no generation model's.</summary>
    public static bool IsAt(string path) =>
        !File.Exists(System.IO.Path.Combine(path, GenerationConfigName))
        && File.Exists(System.IO.Path.Combine(path, ConfigName))
        && GraphIn(path) is not null;

    /// <summary>Reads and checks the configuration; loads no weights.</summary>
    /// <exception cref="EncoderException">A file is missing, or a field of one is wrong.</exception>
    public static EncoderFolder Read(string path)
    {
        var folder = System.IO.Path.GetFullPath(path);
        var config = Required(folder, ConfigName, EncoderJson.Default.EncoderConfigFile);
        var modules = Optional(folder, "modules.json", EncoderJson.Default.SentenceModuleArray);
        var sentence = Optional(folder, "sentence_bert_config.json", EncoderJson.Default.SentenceConfigFile);
        var tokenizer = Optional(folder, "tokenizer_config.json", EncoderJson.Default.TokenizerLimitFile);
        return new(
            folder,
            GraphIn(folder) ?? throw Wrong(folder, "folder", "without model.onnx", "put the ONNX graph into it"),
            Limit(folder, config, sentence?.MaxSeqLength, tokenizer?.ModelMaxLength),
            config.VocabSize is > 0 ? config.VocabSize : null,
            config.PadTokenId is >= 0 and var pad ? pad : 0,
            PoolingOf(folder, modules),
            modules is null || modules.Any(static module => module.Is("Normalize")),
            WidthsOf(config))
        {
            DoublesSeparator = s_shifted.Contains(config.ModelType),
        };
    }

    private static string? GraphIn(string folder) =>
        s_graphs.Select(name => System.IO.Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    private static int Limit(string folder, EncoderConfigFile config, int? sentence, double? tokenizer)
    {
        var file = System.IO.Path.Combine(folder, ConfigName);
        var shift = s_shifted.Contains(config.ModelType) ? (config.PadTokenId ?? 1) + 1 : 0;
        var positions = (config.MaxPositionEmbeddings ?? UsualTokens + shift) - shift;
        var limit = Math.Min(positions, sentence ?? int.MaxValue);

        // Files that set no limit of their own write an enormous number.
        limit = tokenizer is { } most && most < limit ? (int)most : limit;
        return limit > 0
            ? limit
            : throw Wrong(file, "max_position_embeddings", $"{limit}", "write the model's own number, above zero");
    }

    private static ImmutableArray<int>? WidthsOf(EncoderConfigFile config) => config switch
    {
        { MatryoshkaDimensions: { Length: > 0 } widths } => [.. widths],
        { IsMatryoshka: true } => [],
        _ => null,
    };

    private static Pooling PoolingOf(string folder, SentenceModule[]? modules)
    {
        var file = System.IO.Path.Combine(folder, "modules.json");
        var other = modules?.FirstOrDefault(static module =>
            !module.Is("Transformer") && !module.Is("Pooling") && !module.Is("Normalize"));
        if (other is not null)
        {
            throw Wrong(
                file, "type", $"{other.Type}", "use a model of Transformer, Pooling and Normalize modules only");
        }

        var module = modules?.FirstOrDefault(static module => module.Is("Pooling"));
        var name = $"{(module is null ? "1_Pooling" : module.Path)}/config.json";
        if (name.Contains("..", StringComparison.Ordinal))
        {
            throw Wrong(file, "path", name, "name a folder inside the model folder");
        }

        var pooling = Optional(folder, name, EncoderJson.Default.PoolingFile);
        if (pooling is null)
        {
            return Pooling.Mean;
        }

        return Chosen(pooling) is [var only]
            ? only
            : throw Wrong(
                System.IO.Path.Combine(folder, name), "pooling_mode", pooling.ToString(),
                "use a model with exactly one of mean, CLS or max pooling");
    }

    private static List<Pooling> Chosen(PoolingFile file)
    {
        var chosen = new List<Pooling>();
        Add(file.ModeMeanTokens || file.PoolingMode == "mean", Pooling.Mean);
        Add(file.ModeClsToken || file.PoolingMode == "cls", Pooling.FirstToken);
        Add(file.ModeMaxTokens || file.PoolingMode == "max", Pooling.Largest);
        return file.ModeMeanSqrtLenTokens || file.ModeWeightedmeanTokens || file.ModeLasttoken ? [] : chosen;

        void Add(bool set, Pooling pooling)
        {
            if (set)
            {
                chosen.Add(pooling);
            }
        }
    }

    private static T Required<T>(string folder, string name, JsonTypeInfo<T> contract)
        where T : class =>
        Optional(folder, name, contract)
        ?? throw Wrong(System.IO.Path.Combine(folder, name), "file", "missing", "download it with the model");

    private static T? Optional<T>(string folder, string name, JsonTypeInfo<T> contract)
        where T : class
    {
        var file = System.IO.Path.Combine(folder, name);
        if (!File.Exists(file))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(file), contract);
        }
        catch (Exception bad) when (bad is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new EncoderException(
                $"{file} cannot be used: {bad.Message} Use the file published with the model.", bad);
        }
    }

    private static EncoderException Wrong(string file, string field, string value, string remedy) =>
        new($"{file}: {field} is {value}; {remedy}.");
}
