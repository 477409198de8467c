using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kaito.Core.Contracts;

/// <summary>What the operator tells an inference host; rendered as one JSON file in a ConfigMap.</summary>
/// <remarks>
/// The host is started as <c>--config FILE</c>. The environment variables named in <see
/// cref="InferenceHostEnvironment"/>
/// win over the file: they carry what only the place where the process runs can know. A number that the file leaves out
/// is read as 0 (the source generator ignores initializers of init properties) and stands for the default.
/// </remarks>
public sealed record InferenceHostSettings
{
    /// <summary>The model id that clients send, e.g. <c>phi-3.5-mini-instruct</c>.</summary>
    public required string ServedModelName { get; init; }

    /// <summary>Hugging Face repository of the weights, e.g. <c>microsoft/Phi-3.5-mini-instruct</c>.</summary>
    public string? ModelRepository { get; init; }

    /// <summary>Revision of <see cref="ModelRepository"/>; <see langword="null"/> for its default branch.</summary>
    public string? ModelRevision { get; init; }

    /// <summary>Folder with genai_config.json; <see langword="null"/> when the host must find it itself.</summary>
    public string? ModelPath { get; init; }

    /// <summary>Upper bound on prompt plus output, in tokens; <see langword="null"/> for the model's own.</summary>
    public int? MaxModelLength { get; init; }

    /// <summary>TCP port to listen on, all addresses; <c>ASPNETCORE_URLS</c> wins.</summary>
    public int Port { get; init => field = value == 0 ? 5000 : value; } = 5000;

    /// <summary>Sequences decoded together.</summary>
    public int MaxSequences { get; init => field = value == 0 ? 16 : value; } = 16;

    /// <summary>Requests that may wait; past it the host answers 503 with Retry-After.</summary>
    public int QueueCapacity { get; init => field = value == 0 ? 256 : value; } = 256;

    /// <summary>
    /// What runs the model: <c>slot</c>, <c>genai</c>, or <c>auto</c> for the one that suits its graph;
    /// <see langword="null"/> means <c>auto</c>.
    /// </summary>
    public string? Engine { get; init; }

    /// <summary>How long to measure the model once it is ready; <see langword="null"/> not to.</summary>
    public int? BenchmarkSeconds { get; init; }

    /// <summary>Adapters to serve beside the model; <see langword="null"/> for none.</summary>
    public ImmutableArray<AdapterSettings>? Adapters { get; init; }

    /// <summary>Bytes of the JSON file.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, InferenceHostSettingsJson.Default.InferenceHostSettings);
}

/// <summary>An adapter that an inference host serves.</summary>
/// <param name="Name">Model id that clients send.</param>
/// <param name="Path">Folder with adapter_config.json and adapter_model.safetensors.</param>
/// <param name="Strength">From 0 to 1.</param>
public sealed record AdapterSettings(string Name, string Path, double Strength);

/// <summary>Environment variables of the inference host.</summary>
public static class InferenceHostEnvironment
{
    /// <summary>Set by the operator for whoever places the pod: the repository whose weights it needs.</summary>
    public const string ModelRepository = "KAITO_MODEL_REPOSITORY";

    /// <summary>Set where the pod runs: the folder that holds the model.</summary>
    public const string ModelPath = "KAITO_MODEL_PATH";

    /// <summary>
    /// Set where the pod runs, when <see cref="ModelPath"/> is not the wanted model: the wanted repository.
    /// </summary>
    public const string SubstitutedFor = "KAITO_MODEL_SUBSTITUTED_FOR";
}

/// <summary>The serializer contract of <see cref="InferenceHostSettings"/>: camelCase, nulls left out.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true)]
[JsonSerializable(typeof(InferenceHostSettings))]
[JsonSerializable(typeof(string[]))]
public sealed partial class InferenceHostSettingsJson : JsonSerializerContext;
