using Kaito.ModelBuilder.Decoder;
using Kaito.ModelBuilder.Folders;

namespace Kaito.ModelBuilder.Checkpoints;

/// <summary>Turns a Hugging Face checkpoint folder into a model folder.</summary>
internal static class CheckpointConversion
{
    private const int Version = 1;

    private static readonly string[] s_required =
        [CheckpointConfig.FileName, ModelFolder.TokenizerFile, ModelFolder.TokenizerConfigFile];

    private static readonly string[] s_copied =
    [
        ModelFolder.TokenizerFile,
        ModelFolder.TokenizerConfigFile,
        CheckpointConfig.GenerationFileName,
        "special_tokens_map.json",
        "added_tokens.json",
        "chat_template.jinja",
    ];

    /// <summary>Reads, checks and writes; memory use is that of the largest tensor a few times over.</summary>
    /// <exception cref="ModelBuildException">The checkpoint can not be converted; nothing was written.</exception>
    public static void Run(string checkpoint, string output, WeightPrecision precision)
    {
        RequireFiles(checkpoint);
        var config = CheckpointConfig.Load(checkpoint);
        using var weights = CheckpointWeights.Open(checkpoint);
        ModelFolder.Write(output, $"Kaito converted checkpoint, version {Version}, {precision}\n", draft =>
        {
            ModelFolder.WriteModel(draft, config.Shape, weights, precision, config.Defaults);
            foreach (var name in s_copied)
            {
                if (File.Exists(Path.Combine(checkpoint, name)))
                {
                    File.Copy(Path.Combine(checkpoint, name), Path.Combine(draft, name));
                }
            }
        });
    }

    private static void RequireFiles(string checkpoint)
    {
        if (!Directory.Exists(checkpoint))
        {
            throw new ModelBuildException(
                $"Input '{checkpoint}' is not a folder. Give the folder of a Hugging Face checkpoint with --input.");
        }

        foreach (var name in s_required)
        {
            if (!File.Exists(Path.Combine(checkpoint, name)))
            {
                throw new ModelBuildException(
                    $"File '{name}' is missing in '{checkpoint}'. Download it from the checkpoint's repository.");
            }
        }
    }
}
