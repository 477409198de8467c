using System.Collections.Immutable;
using System.Text.Json;

namespace Kaito.InferenceHost.Engine;

/// <summary>A model folder in ONNX Runtime GenAI's layout whose configuration is complete and consistent.</summary>
/// <param name="Path">Full path of the folder.</param>
/// <param name="Type">Model family as the configuration names it, such as <c>llama</c>.</param>
/// <param name="ContextTokens">Most tokens of one sequence, prompt included.</param>
/// <param name="VocabularySize">Length of a logits row.</param>
/// <param name="EosTokens">Tokens that end a sequence; may be empty.</param>
/// <param name="BosToken">Token that starts a sequence, if the model has one.</param>
/// <param name="Decoder">The graph that makes tokens.</param>
/// <param name="Search">What the model's author recommends for sampling.</param>
internal sealed record ModelFolder(
    string Path,
    string Type,
    int ContextTokens,
    int VocabularySize,
    ImmutableArray<int> EosTokens,
    int? BosToken,
    DecoderGraph Decoder,
    SearchDefaults Search)
{
    public const string ConfigFile = "genai_config.json";

    private const string RebuildRemedy =
        "rebuild the folder with Kaito.ModelBuilder or ONNX Runtime GenAI's model builder";

    /// <summary>Reads and checks the configuration; loads no weights.</summary>
    /// <exception cref="ModelFolderException">Something is missing or wrong; the message names it.</exception>
    public static ModelFolder Read(string path)
    {
        var folder = System.IO.Path.GetFullPath(path);
        if (!Directory.Exists(folder))
        {
            throw new ModelFolderException(folder, "folder", "missing", "point the model setting at an existing one");
        }

        var file = System.IO.Path.Combine(folder, ConfigFile);
        if (!File.Exists(file))
        {
            throw new ModelFolderException(file, "file", "missing", RebuildRemedy);
        }

        var config = Parse(file);
        var field = new FieldCheck(file);
        var model = field.Present(config.Model, "model");
        var decoder = field.Present(model.Decoder, "model.decoder");
        return new(
            folder,
            field.Present(model.Type, "model.type"),
            field.Positive(model.ContextLength, "model.context_length"),
            field.Positive(model.VocabSize, "model.vocab_size"),
            EosOf(model.EosTokenId, field),
            model.BosTokenId,
            GraphOf(folder, decoder, field),
            SearchOf(config.Search));
    }

    private static GenAiConfig Parse(string file)
    {
        byte[] json;
        try
        {
            json = File.ReadAllBytes(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFolderException(file, "file", "unreadable", "make it readable for this process", e);
        }

        try
        {
            return JsonSerializer.Deserialize(json, GenAiConfigJson.Default.GenAiConfig)
                ?? throw new ModelFolderException(file, "$", "null", RebuildRemedy);
        }
        catch (JsonException e)
        {
            throw new ModelFolderException(
                file,
                e.Path ?? "$",
                JsonPath.TextAt(json, e.Path) ?? "not JSON",
                $"correct line {e.LineNumber + 1} of the file, or {RebuildRemedy}",
                e);
        }
    }

    private static ImmutableArray<int> EosOf(JsonElement value, FieldCheck field)
    {
        const string Name = "model.eos_token_id";
        switch (value.ValueKind)
        {
            case JsonValueKind.Undefined or JsonValueKind.Null:
                return [];
            case JsonValueKind.Number when value.TryGetInt32(out var single):
                return [single];
            case JsonValueKind.Array when value.EnumerateArray().All(IsTokenId):
                return [.. value.EnumerateArray().Select(static item => item.GetInt32())];
            default:
                throw field.Wrong(Name, value.GetRawText(), "write one token id or an array of token ids");
        }
    }

    private static bool IsTokenId(JsonElement item) =>
        item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out _);

    private static DecoderGraph GraphOf(string folder, GenAiDecoder decoder, FieldCheck field)
    {
        var name = field.Present(decoder.Filename, "model.decoder.filename");
        var graph = System.IO.Path.Combine(folder, name);
        if (!File.Exists(graph))
        {
            throw field.Wrong("model.decoder.filename", name, $"put the file {graph} in place, or {RebuildRemedy}");
        }

        return new(
            graph,
            field.Positive(decoder.NumHiddenLayers, "model.decoder.num_hidden_layers"),
            field.Positive(decoder.NumKeyValueHeads, "model.decoder.num_key_value_heads"),
            field.Positive(decoder.HeadSize, "model.decoder.head_size"),
            decoder.Inputs ?? new(),
            decoder.Outputs ?? new());
    }

    private static SearchDefaults SearchOf(GenAiSearch? search) => new(
        search?.DoSample ?? false,
        search?.Temperature,
        search?.TopP,
        search?.TopK,
        search?.RepetitionPenalty,
        search?.MaxLength);

    private readonly record struct FieldCheck(string File)
    {
        public T Present<T>(T? value, string name)
            where T : class => value ?? throw Wrong(name, "missing", RebuildRemedy);

        public int Positive(int? value, string name) => value switch
        {
            null => throw Wrong(name, "missing", RebuildRemedy),
            < 1 => throw Wrong(name, $"{value}", "write a number above zero"),
            _ => value.Value,
        };

        public ModelFolderException Wrong(string name, string value, string remedy) => new(File, name, value, remedy);
    }
}

/// <summary>The decoder's file, which exists, its shape and the names of its inputs and outputs.</summary>
internal sealed record DecoderGraph(
    string File,
    int Layers,
    int KvHeads,
    int HeadSize,
    GenAiInputs Inputs,
    GenAiOutputs Outputs);

/// <summary>Sampling that the model's author recommends; null where the configuration is silent.</summary>
internal sealed record SearchDefaults(
    bool DoSample,
    double? Temperature,
    double? TopP,
    int? TopK,
    double? RepetitionPenalty,
    int? MaxLength);

/// <summary>A model folder cannot be used.</summary>
/// <param name="file">Full path of the file, or of the folder when that is missing.</param>
/// <param name="field">Where in the file; a dotted path.</param>
/// <param name="value">What is there.</param>
/// <param name="remedy">What the user can do, as a clause.</param>
/// <param name="inner">What was thrown while reading, if anything.</param>
internal sealed class ModelFolderException(
    string file,
    string field,
    string value,
    string remedy,
    Exception? inner = null)
    : Exception($"{file}: {field} is {value}; {remedy}.", inner)
{
    public string File { get; } = file;

    public string Field { get; } = field;
}
