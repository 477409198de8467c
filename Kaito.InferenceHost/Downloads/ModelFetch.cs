using Kaito.ModelBuilder;
using Kaito.ModelBuilder.Checkpoints;
using Kaito.ModelBuilder.Decoder;

namespace Kaito.InferenceHost.Downloads;

/// <summary>From the name of a model to a folder that the host can serve: fetched, and converted where it is a checkpoint.</summary>
internal sealed partial class ModelFetch(DownloadOptions options, DownloadProgress progress, TimeProvider clock, ILogger logger)
{
    /// <summary>Longest sequence that is wanted, in tokens; <see langword="null"/> for what the model's author trained first.</summary>
    public int? ContextTokens { get; init; }

    /// <summary>Blocks its thread, which is the engine's: there is nothing else for it to do yet.</summary>
    /// <exception cref="DownloadException">The model cannot be had.</exception>
    public string Fetch(ModelSource source, CancellationToken cancellationToken)
    {
        LogBegins(source.Name, options.CacheFolder);
        var folder = Task.Run(() => FetchAsync(source, cancellationToken), cancellationToken).GetAwaiter().GetResult();
        return File.Exists(Path.Combine(folder, "genai_config.json")) || Directory.EnumerateFiles(folder, "*.onnx").Any()
                || File.Exists(Path.Combine(folder, "onnx", "model.onnx"))
            ? folder
            : Convert(folder);
    }

    private async Task<string> FetchAsync(ModelSource source, CancellationToken cancellationToken)
    {
        using var http = WebGet.Client();
        return source switch
        {
            ModelSource.Repository repository =>
                await new HubDownload(http, options, progress, clock, logger).FetchAsync(repository, cancellationToken),
            ModelSource.Artifact artifact =>
                await new ArtifactDownload(http, options, progress, clock, logger).FetchAsync(artifact, cancellationToken),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    // Beside the snapshot, so that the next start finds it.
    private string Convert(string checkpoint)
    {
        var target = Path.Combine(Path.GetDirectoryName(Path.GetDirectoryName(checkpoint)!)!, "kaito", Path.GetFileName(checkpoint) + Suffix);
        if (File.Exists(Path.Combine(target, "model.onnx")))
        {
            return target;
        }

        LogConverts(target);
        try
        {
            CheckpointConversion.Run(checkpoint, target, PrecisionOf(checkpoint), context: ContextTokens);
            return target;
        }
        catch (ModelBuildException refused)
        {
            throw new DownloadException(
                $"{Path.GetFileName(checkpoint)} holds no ONNX model, and its checkpoint cannot be converted: {refused.Message}",
                refused);
        }
    }

    private string Suffix => ContextTokens is { } tokens ? FormattableString.Invariant($"-{tokens}") : "";

    private static WeightPrecision PrecisionOf(string checkpoint) =>
        EncoderConfig.Describes(ConfigFields.Load(checkpoint, CheckpointConfig.FileName))
            ? WeightPrecision.Float32
            : WeightPrecision.Int4;

    [LoggerMessage(LogLevel.Information, "Model {Model} is fetched into {Folder}")]
    private partial void LogBegins(string model, string folder);

    [LoggerMessage(LogLevel.Information, "The model is a checkpoint; it is converted into {Folder}")]
    private partial void LogConverts(string folder);
}
