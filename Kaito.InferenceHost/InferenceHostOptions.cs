using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Kaito.Core;
using Kaito.Core.Contracts;
using Kaito.InferenceHost.Adapters;
using Kaito.InferenceHost.Downloads;
using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Engine.Kernels;

namespace Kaito.InferenceHost;

/// <summary>Everything that the process was told, merged and checked.</summary>
/// <param name="ModelPath">Folder with genai_config.json.</param>
/// <param name="ServedModelName">What clients send as <c>model</c>.</param>
internal sealed record InferenceHostOptions(string ModelPath, string ServedModelName)
{
    /// <summary>Where the model is fetched from first; <see langword="null"/> when <see cref="ModelPath"/> holds it.</summary>
    public ModelSource? Source { get; init; }

    /// <summary>How it is fetched.</summary>
    public DownloadOptions Downloads { get; init; } = new("");

    /// <summary>
    /// The repository that this model stands in for; <see langword="null"/> when it is the wanted one.
    /// </summary>
    public string? SubstitutedFor { get; init; }

    /// <summary>Upper bound on prompt plus output, in tokens; <see langword="null"/> for the model's own.</summary>
    public int? MaxModelLength { get; init; }

    /// <summary>Sequences decoded together, 1 to 256.</summary>
    public int MaxSequences { get; init; } = 16;

    /// <summary>Requests that may wait, 1 to 4096.</summary>
    public int QueueCapacity { get; init; } = 256;

    /// <summary>What runs the model.</summary>
    public EngineChoice Engine { get; init; }

    /// <summary>What computes.</summary>
    public Accelerator Accelerator { get; init; } = Accelerators.OfBuild;

    /// <summary>What multiplies 4-bit weights on the processor.</summary>
    public MatMulKernel Kernel { get; init; }

    /// <summary>Guesses the next tokens of an answer that runs alone; <see langword="null"/> not to.</summary>
    public SpeculationOptions? Speculation { get; init; }

    /// <summary>How long one step may take before <c>/health</c> says that the engine hangs.</summary>
    public TimeSpan StallLimit { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long to measure the model once it is ready; <see langword="null"/> not to.</summary>
    public TimeSpan? Benchmark { get; init; }

    /// <summary>Where to listen when <c>ASPNETCORE_URLS</c> does not say.</summary>
    public string Urls { get; init; } = "http://127.0.0.1:5000";

    /// <summary>How long running answers may go on after SIGTERM.</summary>
    public TimeSpan ShutdownGrace { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>
    /// Waiting requests above which more are turned away with 429; <see langword="null"/> to let the queue fill.
    /// </summary>
    public int? RateLimit { get; init; }

    /// <summary>Keys of which a request must show one; empty to ask for none.</summary>
    public ImmutableArray<string> ApiKeys { get; init; } = [];

    /// <summary>Adapters beside the model.</summary>
    public AdapterOptions Adapters { get; init; } = new();

    /// <summary>Web pages whose scripts may call the server; <c>*</c> for all.</summary>
    public ImmutableArray<string> AllowedOrigins { get; init; } = ["*"];

    /// <summary>Sentences about options that have no effect here.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];

    /// <summary>What <c>GET /v1/models</c> reports as root.</summary>
    public string Root => SubstitutedFor is null ? ModelPath : $"{ModelPath} (substitute for {SubstitutedFor})";
}

/// <summary>Merges settings file, environment and command line; later ones win.</summary>
internal static class InferenceHostCommand
{
    /// <param name="args">As <see cref="HostArguments.Read"/> takes them.</param>
    /// <param name="environment">Reads one variable.</param>
    /// <param name="readFile">Reads a settings file; throws what file access throws.</param>
    public static Validated<InferenceHostOptions> Parse(
        IReadOnlyList<string> args, Func<string, string?> environment, Func<string, string> readFile)
    {
        var found = ImmutableArray.CreateBuilder<FieldError>();
        var named = HostArguments.Read(args, readFile, found);
        var settings = named["config"] is { } file ? ReadSettings(file, readFile, found) : null;
        var (path, source) = ModelFrom(named, environment, settings, found);
        var name = named["served-model-name"] ?? settings?.ServedModelName ?? NameOf(path);
        var options = Merge(new(path ?? "", name), named, settings, found) with
        {
            Source = source,
            Downloads = DownloadOptions.Read(environment, named["download-dir"]),
            Benchmark = Whole(named, "kaito-benchmark-seconds", settings?.BenchmarkSeconds, 1, 3600, found) is { } seconds
                ? TimeSpan.FromSeconds(seconds)
                : null,
            SubstitutedFor = NullIfEmpty(environment(InferenceHostEnvironment.SubstitutedFor)),
            ApiKeys = [.. Keys(named, environment)],
            Speculation = SpeculationArguments.Parse(named, found),
            Warnings = named.Warnings,
            Adapters = AdapterArguments.Parse(named, environment, settings, found),
            AllowedOrigins = OriginsFrom(named["allowed-origins"], found),
        };
        return found.Count > 0 ? found.ToImmutable() : options;
    }

    // A folder wins over the name of what would be fetched.
    private static (string? Path, ModelSource? Source) ModelFrom(
        HostArguments named,
        Func<string, string?> environment,
        InferenceHostSettings? settings,
        ImmutableArray<FieldError>.Builder found)
    {
        if ((named["model-path"] ?? NullIfEmpty(environment(InferenceHostEnvironment.ModelPath)) ?? settings?.ModelPath)
            is { } path)
        {
            return (path, null);
        }

        if ((named["model"] ?? settings?.ModelRepository) is { } model)
        {
            return (model, SourceFrom(model, named, settings, found));
        }

        if (found.Count == 0)
        {
            found.Add(new(
                "--model-path",
                "missing",
                "No model is named; give --model-path DIR, --model OWNER/NAME or --model oci://HOST/NAME:TAG, or set "
                + $"{InferenceHostEnvironment.ModelPath}."));
        }

        return (null, null);
    }

    private static ModelSource? SourceFrom(
        string model, HostArguments named, InferenceHostSettings? settings, ImmutableArray<FieldError>.Builder found)
    {
        var revision = named["code-revision"] ?? named["revision"] ?? settings?.ModelRevision;
        if (ModelSource.Parse(model, revision).TryGet(out var read, out var errors))
        {
            return read.Source;
        }

        found.AddRange(errors);
        return null;
    }

    private static InferenceHostOptions Merge(
        InferenceHostOptions options,
        HostArguments named,
        InferenceHostSettings? settings,
        ImmutableArray<FieldError>.Builder found) => options with
        {
            MaxModelLength = named["max-model-len"] is "auto" or "-1" ? settings?.MaxModelLength
                : Whole(named, "max-model-len", settings?.MaxModelLength, 2, int.MaxValue, found),
            MaxSequences = Whole(named, "max-num-seqs", settings?.MaxSequences ?? 16, 1, 256, found)!.Value,
            QueueCapacity = Whole(named, "queue-capacity", settings?.QueueCapacity ?? 256, 1, 4096, found)!.Value,
            ShutdownGrace = TimeSpan.FromSeconds(Whole(named, "shutdown-timeout", 25, 0, 3600, found)!.Value),
            Urls = UrlsFrom(named, settings, found),
            RateLimit = named["kaito-disable-rate-limit"] is not null ? null
                : Whole(named, "max-num-seqs", DefaultRateLimit, 1, 256, found),
            Engine = OneOf(
                "engine", named["engine"] ?? settings?.Engine, found,
                ("auto", EngineChoice.Auto), ("slot", EngineChoice.Slot), ("genai", EngineChoice.GenAi)),
            Accelerator = OneOf(
                "device", named["device"], found,
                ("auto", Accelerators.OfBuild), ("cpu", Accelerator.Cpu), ("cuda", Accelerator.Cuda)),
            Kernel = OneOf(
                "matmul-kernel", named["matmul-kernel"], found,
                ("auto", MatMulKernel.Auto), ("onnxruntime", MatMulKernel.OnnxRuntime)),
        };

    // Upstream's default of max-num-seqs, above which upstream turns requests away.
    private const int DefaultRateLimit = 256;

    private static string[] Keys(HostArguments named, Func<string, string?> environment) =>
        (named["api-key"] ?? environment("VLLM_API_KEY") ?? "")
            .Split(HostArguments.Separator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static ImmutableArray<string> OriginsFrom(string? text, ImmutableArray<FieldError>.Builder found)
    {
        if (text is null)
        {
            return ["*"];
        }

        try
        {
            var origins = JsonSerializer.Deserialize(text, InferenceHostSettingsJson.Default.StringArray) ?? [];
            if (origins.All(static o => o is "*" || Uri.TryCreate(o, UriKind.Absolute, out _)))
            {
                return [.. origins];
            }
        }
        catch (JsonException)
        {
            // Told below.
        }

        found.Add(new(
            "--allowed-origins", "malformed",
            $"allowed-origins is {text}; give a JSON list of origins, e.g. [\"https://example.com\"] or [\"*\"]."));
        return [];
    }

    // The first word stands for what was not given.
    private static T OneOf<T>(
        string option,
        string? text,
        ImmutableArray<FieldError>.Builder found,
        params ReadOnlySpan<(string Word, T Value)> choices)
    {
        var words = new string[choices.Length];
        for (var at = 0; at < choices.Length; at++)
        {
            words[at] = choices[at].Word;
            if (words[at] == (text ?? words[0]))
            {
                return choices[at].Value;
            }
        }

        var wanted = $"{string.Join(", ", words[..^1])} or {words[^1]}";
        found.Add(new($"--{option}", "unknown", $"{option} is {text}; give {wanted}."));
        return choices[0].Value;
    }

    private static InferenceHostSettings? ReadSettings(
        string file, Func<string, string> readFile, ImmutableArray<FieldError>.Builder found)
    {
        try
        {
            var settings = JsonSerializer.Deserialize(
                readFile(file), InferenceHostSettingsJson.Default.InferenceHostSettings);
            if (settings is not null)
            {
                return settings;
            }

            found.Add(new("--config", "empty", $"{file} holds null; write the settings as one JSON object."));
        }
        catch (JsonException bad)
        {
            found.Add(new("--config", "malformed", $"{file}, {bad.Path ?? "$"}: {bad.Message} Correct the file."));
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            found.Add(new("--config", "unreadable", $"{file}: {unreadable.Message} Name an existing settings file."));
        }

        return null;
    }

    private static string UrlsFrom(
        HostArguments named, InferenceHostSettings? settings, ImmutableArray<FieldError>.Builder found)
    {
        if (named["urls"] is { } urls)
        {
            return urls;
        }

        var port = Whole(named, "port", settings?.Port ?? 5000, 0, 65535, found);
        if (named["host"] is { } host)
        {
            // vLLM's own default means all addresses.
            return host is "0.0.0.0" or "::" ? $"http://*:{port}" : $"http://{host}:{port}";
        }

        return settings is null ? $"http://127.0.0.1:{port}" : $"http://*:{port}";
    }

    private static int? Whole(
        HostArguments named,
        string name,
        int? otherwise,
        int least,
        int most,
        ImmutableArray<FieldError>.Builder found)
    {
        var text = named[name] ?? otherwise?.ToString(CultureInfo.InvariantCulture);
        if (text is null)
        {
            return null;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            && value >= least && value <= most)
        {
            return value;
        }

        found.Add(new($"--{name}", "out-of-range", $"{name} is {text}; give a whole number from {least} to {most}."));
        return least;
    }

    private static string NameOf(string? path) => path is null
        ? ""
        : Path.GetFileName(Path.TrimEndingDirectorySeparator(path)) is { Length: > 0 } name ? name : path;

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
