using Kaito.ModelBuilder.Decoder;
using Kaito.ModelBuilder.Encoder;
using Kaito.ModelBuilder.Folders;

namespace Kaito.ModelBuilder.Checkpoints;

/// <summary>Turns a Hugging Face checkpoint folder into a model folder.</summary>
internal static class CheckpointConversion
{
    private const int Version = 1;

    private const string Adapters = ", adapters";

    private static readonly string[] s_required = [CheckpointConfig.FileName, ModelFolder.TokenizerFile];

    private static readonly string[] s_copied =
    [
        ModelFolder.TokenizerFile,
        ModelFolder.TokenizerConfigFile,
        CheckpointConfig.GenerationFileName,
        "special_tokens_map.json",
        "added_tokens.json",
        "chat_template.jinja",
    ];

    // How the vectors of tokens become one vector, in the layout of Sentence Transformers.
    private static readonly string[] s_encoderFiles =
    [
        CheckpointConfig.FileName,
        "modules.json",
        "1_Pooling/config.json",
        "sentence_bert_config.json",
        "config_sentence_transformers.json",
    ];

    /// <summary>Reads, checks and writes; memory use is that of the largest tensor a few times over.</summary>
    /// <param name="checkpoint">Folder with config.json, tokenizer.json and safetensors.</param>
    /// <param name="output">Folder to write.</param>
    /// <param name="precision">Of the linear layers.</param>
    /// <param name="adapters">The model takes adapters, see <see cref="DecoderShape.TakesAdapters"/>.</param>
    /// <param name="context">
    /// Longest sequence that is wanted. Matters to models with LongRoPE, which are of another kind beyond the context of their
    /// first training; <see langword="null"/> for that one.
    /// </param>
    /// <exception cref="ModelBuildException">The checkpoint can not be converted; nothing was written.</exception>
    public static void Run(
        string checkpoint, string output, WeightPrecision precision, bool adapters = false, int? context = null)
    {
        RequireFiles(checkpoint, s_required);
        var fields = ConfigFields.Load(checkpoint, CheckpointConfig.FileName);
        if (EncoderConfig.Describes(fields))
        {
            RunEncoder(checkpoint, output, precision, EncoderConfig.Parse(fields));
            return;
        }

        RequireFiles(checkpoint, [ModelFolder.TokenizerConfigFile]);
        var config = CheckpointConfig.Load(checkpoint, context);
        using var files = CheckpointWeights.Open(checkpoint);
        if (adapters && !config.TakesAdapters)
        {
            throw new ModelBuildException(
                $"'{checkpoint}' is of an architecture that is converted without adapters only. Leave --lora out.");
        }

        var weights = config.Weights(files, config.Shape);
        var stamp = $"Kaito converted checkpoint, version {Version}, {precision}{(adapters ? Adapters : "")}{(context is null ? "" : $", context {context}")}\n";
        ModelFolder.Write(output, stamp, draft =>
        {
            ModelFolder.WriteModel(draft, config.Shape with { TakesAdapters = adapters }, weights, precision, config.Defaults);
            Copy(checkpoint, draft, s_copied);
        });
    }

    private static void RunEncoder(string checkpoint, string output, WeightPrecision precision, EncoderShape shape)
    {
        if (precision != WeightPrecision.Float32)
        {
            throw new ModelBuildException("Embedding models are written in fp32 only. Leave --precision out.");
        }

        using var weights = CheckpointWeights.Open(checkpoint);
        ModelFolder.Write(output, $"Kaito converted encoder, version {Version}, {precision}\n", draft =>
        {
            ModelFolder.WriteEncoder(draft, shape, weights);
            Copy(checkpoint, draft, [.. s_copied, .. s_encoderFiles]);
        });
    }

    private static void Copy(string checkpoint, string draft, IEnumerable<string> names)
    {
        foreach (var name in names.Where(name => File.Exists(Path.Combine(checkpoint, name))))
        {
            var target = Path.Combine(draft, name);
            Directory.CreateDirectory(Path.GetDirectoryName(target) ?? draft);
            File.Copy(Path.Combine(checkpoint, name), target);
        }
    }

    private static void RequireFiles(string checkpoint, string[] names)
    {
        if (!Directory.Exists(checkpoint))
        {
            throw new ModelBuildException(
                $"Input '{checkpoint}' is not a folder. Give the folder of a Hugging Face checkpoint with --input.");
        }

        foreach (var name in names)
        {
            if (!File.Exists(Path.Combine(checkpoint, name)))
            {
                throw new ModelBuildException(
                    $"File '{name}' is missing in '{checkpoint}'. Download it from the checkpoint's repository.");
            }
        }
    }
}
