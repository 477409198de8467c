using System.Collections.Immutable;

namespace Kaito.InferenceHost.Engine;

/// <summary>A model folder in ONNX Runtime GenAI's layout whose configuration is complete and consistent.</summary>
/// <param name="Path">Full path of the folder.</param>
/// <param name="Type">Model family as the configuration names it, such as <c>llama</c>.</param>
/// <param name="ContextTokens">Most tokens of one sequence, prompt included.</param>
/// <param name="VocabularySize">Length of a logits row.</param>
/// <param name="EosTokens">Tokens that end a sequence, of either file; may be empty.</param>
/// <param name="BosToken">Token that starts a sequence, if the model has one.</param>
/// <param name="Decoder">The graph that makes tokens.</param>
/// <param name="Search">Sampling as genai_config.json has it.</param>
/// <param name="Author">What generation_config.json says, where the folder has one.</param>
internal sealed record ModelFolder(
    string Path,
    string Type,
    int ContextTokens,
    int VocabularySize,
    ImmutableArray<int> EosTokens,
    int? BosToken,
    DecoderGraph Decoder,
    SearchDefaults Search,
    GenerationConfig Author)
{
    public const string ConfigName = "genai_config.json";

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

        var file = System.IO.Path.Combine(folder, ConfigName);
        if (!File.Exists(file))
        {
            throw new ModelFolderException(file, "file", "missing", RebuildRemedy);
        }

        var config = ConfigFile.Read(file, GenAiConfigJson.Default.GenAiConfig, RebuildRemedy);
        var author = GenerationConfig.Read(folder);
        var field = new FieldCheck(file, RebuildRemedy);
        var model = field.Present(config.Model, "model");
        var decoder = field.Present(model.Decoder, "model.decoder");
        return new(
            folder,
            field.Present(model.Type, "model.type"),
            field.Positive(model.ContextLength, "model.context_length"),
            field.Positive(model.VocabSize, "model.vocab_size"),
            [.. field.TokenIds(model.EosTokenId, "model.eos_token_id").Union(author.EosTokens)],
            model.BosTokenId,
            GraphOf(folder, decoder, field),
            SearchOf(config.Search, field),
            author);
    }

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

    // GenAI reads a top_p of 0 as off.
    private static SearchDefaults SearchOf(GenAiSearch? search, FieldCheck field) => new(
        search?.DoSample ?? false,
        field.Within(search?.Temperature, "search.temperature", 0, 2),
        field.Within(search?.TopP, "search.top_p", 0, 1) is 0 ? null : search?.TopP,
        (int?)field.Within(search?.TopK, "search.top_k", -1, int.MaxValue),
        field.Within(search?.RepetitionPenalty, "search.repetition_penalty", double.Epsilon, 100),
        search?.MaxLength);
}

/// <summary>The decoder's file, which exists, its shape and the names of its inputs and outputs.</summary>
internal sealed record DecoderGraph(
    string File,
    int Layers,
    int KvHeads,
    int HeadSize,
    GenAiInputs Inputs,
    GenAiOutputs Outputs);

/// <summary>Sampling of genai_config.json; null where it is silent.</summary>
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
internal class ModelFolderException(
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

/// <summary>The graph is sound and is nothing for the slot engine; GenAI may run it.</summary>
internal sealed class UnsuitableGraphException(string file, string field, string value)
    : ModelFolderException(file, field, value, "run it with --engine genai");
