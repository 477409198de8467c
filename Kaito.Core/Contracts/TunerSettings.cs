using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kaito.Core.Contracts;

/// <summary>What the operator tells a tuner; rendered as one JSON file in a ConfigMap.</summary>
/// <remarks>
/// The tuner is started as <c>--config FILE</c>. It exits with 0 when the adapter is where it shall be, otherwise with
/// another code and a last line that says why. <see cref="InferenceHostEnvironment.ModelPath"/> wins over the repository.
/// </remarks>
public sealed record TunerSettings
{
    /// <summary>Hugging Face repository of the base model.</summary>
    public required string ModelRepository { get; init; }

    /// <summary>Revision of <see cref="ModelRepository"/>; <see langword="null"/> for its default branch.</summary>
    public string? ModelRevision { get; init; }

    /// <summary>Name of the base model that the adapter's image tells, e.g. <c>phi-4-mini-instruct</c>.</summary>
    public required string ModelName { get; init; }

    /// <summary><c>lora</c> or <c>qlora</c>.</summary>
    public required string Method { get; init; }

    /// <summary>Folder with the data set; files of <see cref="DataUrls"/> go there.</summary>
    public required string DataFolder { get; init; }

    /// <summary>Files to download before the training; <see langword="null"/> when the folder has them.</summary>
    public ImmutableArray<string>? DataUrls { get; init; }

    /// <summary>Folder for adapter_config.json and adapter_model.safetensors.</summary>
    public required string OutputFolder { get; init; }

    /// <summary>Path of the user's training_config.yaml; <see langword="null"/> for the method's defaults.</summary>
    public string? TrainingConfig { get; init; }

    /// <summary>Image to push the adapter as; <see langword="null"/> to leave it in the folder.</summary>
    public string? PushImage { get; init; }

    /// <summary>Path of a docker config.json with the registry's password; <see langword="null"/> for none.</summary>
    public string? PushCredentials { get; init; }

    /// <summary>Text of the JSON file.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, TunerSettingsJson.Default.TunerSettings);
}

/// <summary>The serializer contract of <see cref="TunerSettings"/>: camelCase, nulls left out.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true)]
[JsonSerializable(typeof(TunerSettings))]
public sealed partial class TunerSettingsJson : JsonSerializerContext;
