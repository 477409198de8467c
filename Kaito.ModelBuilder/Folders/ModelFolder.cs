using Kaito.ModelBuilder.Decoder;
using Kaito.ModelBuilder.Encoder;
using Kaito.ModelBuilder.Onnx;

namespace Kaito.ModelBuilder.Folders;

/// <summary>
/// Writes an ONNX Runtime GenAI model folder: model.onnx, model.onnx.data, genai_config.json, and whatever tokenizer
/// files the caller adds. A folder appears complete or not at all.
/// </summary>
internal static class ModelFolder
{
    public const string ModelFile = "model.onnx";
    public const string WeightsFile = "model.onnx.data";
    public const string TokenizerFile = "tokenizer.json";
    public const string TokenizerConfigFile = "tokenizer_config.json";

    /// <summary>
    /// Says what built the folder and from what; its absence marks a folder that is not ours to replace.
    /// </summary>
    public const string StampFile = "kaito-model.txt";

    private static readonly string[] s_required =
        [ModelFile, WeightsFile, GenAIConfig.FileName, TokenizerFile, TokenizerConfigFile];

    /// <summary>True when the folder is complete and was written with the same stamp.</summary>
    public static bool IsCurrent(string folder, string stamp)
    {
        var file = Path.Combine(folder, StampFile);
        return File.Exists(file)
            && File.ReadAllText(file) == stamp
            && s_required.All(name => File.Exists(Path.Combine(folder, name)));
    }

    /// <summary>Writes beside the target and renames at the end, so that readers never see half a folder.</summary>
    /// <param name="folder">Target; may exist only if empty or written by us before.</param>
    /// <param name="stamp">Identifies builder version and source.</param>
    /// <param name="fill">Writes the files into the folder that it is given.</param>
    /// <exception cref="ModelBuildException">The target holds files that are not ours.</exception>
    public static void Write(string folder, string stamp, Action<string> fill)
    {
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        RequireReplaceable(target);
        Directory.CreateDirectory(Path.GetDirectoryName(target) ?? target);
        var draft = $"{target}.{Path.GetRandomFileName()}.draft";
        try
        {
            Directory.CreateDirectory(draft);
            fill(draft);
            File.WriteAllText(Path.Combine(draft, StampFile), stamp);
            Publish(draft, target, stamp);
        }
        finally
        {
            DeleteIfThere(draft);
        }
    }

    /// <summary>Writes model.onnx, its weights and genai_config.json into an existing folder.</summary>
    public static void WriteModel(
        string folder,
        DecoderShape shape,
        IDecoderWeights weights,
        WeightPrecision precision,
        GenerationDefaults defaults)
    {
        using (var stream = File.Create(Path.Combine(folder, WeightsFile)))
        {
            var graph = new OnnxGraph(stream, WeightsFile);
            DecoderGraph.Write(graph, shape, weights, precision);
            File.WriteAllBytes(Path.Combine(folder, ModelFile), graph.Build());
        }

        File.WriteAllText(Path.Combine(folder, GenAIConfig.FileName), GenAIConfig.Render(shape, defaults));
    }

    /// <summary>Writes model.onnx and its weights into an existing folder.</summary>
    public static void WriteEncoder(string folder, EncoderShape shape, IDecoderWeights weights)
    {
        using var stream = File.Create(Path.Combine(folder, WeightsFile));
        var graph = new OnnxGraph(stream, WeightsFile);
        EncoderGraph.Write(graph, shape, weights);
        File.WriteAllBytes(Path.Combine(folder, ModelFile), graph.Build());
    }

    private static void Publish(string draft, string target, string stamp)
    {
        var retired = $"{draft}.old";
        try
        {
            if (Directory.Exists(target))
            {
                Directory.Move(target, retired);
            }

            Directory.Move(draft, target);
        }
        catch (IOException) when (IsCurrent(target, stamp))
        {
            // Another process finished the same folder first; its bytes are ours.
        }
        finally
        {
            DeleteIfThere(retired);
        }
    }

    private static void RequireReplaceable(string target)
    {
        if (File.Exists(target))
        {
            throw new ModelBuildException(
                $"Output '{target}' is a file. Give a folder that does not exist yet with --output.");
        }

        if (Directory.Exists(target)
            && Directory.EnumerateFileSystemEntries(target).Any()
            && !File.Exists(Path.Combine(target, StampFile)))
        {
            throw new ModelBuildException(
                $"Output '{target}' holds files that this tool did not write (no {StampFile}). "
                + "Give a new or empty folder with --output.");
        }
    }

    private static void DeleteIfThere(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Renamed away, which is the normal end.
        }
    }
}
