using System.Collections.Immutable;
using System.Text.Json;
using Kaito.Core.Catalog;

namespace Kaito.Core.Workspaces;

/// <summary>How the weights of the base model are held while an adapter is trained.</summary>
public enum TuningMethod
{
    /// <summary>As they are.</summary>
    Lora,

    /// <summary>Quantised to 4 or 8 bits.</summary>
    Qlora,
}

/// <summary>A tuning job that passed every check.</summary>
/// <param name="Model">The base model.</param>
/// <param name="Method">How it is trained.</param>
/// <param name="Input">Where the data set comes from.</param>
/// <param name="Output">Where the adapter goes.</param>
public sealed record TuningWorkload(ModelPreset Model, TuningMethod Method, TuningInput Input, TuningOutput Output)
{
    /// <summary>Upstream's tuner does the work, not this project's.</summary>
    public bool Upstream { get; init; }

    /// <summary>Name of the user's ConfigMap with <c>training_config.yaml</c>; <see langword="null"/> for the method's defaults.</summary>
    public string? ConfigMap { get; init; }

    /// <summary>Name of the Secret with HF_TOKEN; <see langword="null"/> for none.</summary>
    public string? AccessSecret { get; init; }
}

/// <summary>Where a data set comes from.</summary>
public abstract record TuningInput
{
    private TuningInput()
    {
    }

    /// <summary>Files to download.</summary>
    /// <param name="Addresses">Absolute http or https addresses outside of the cluster's own networks.</param>
    public sealed record Urls(ImmutableArray<Uri> Addresses) : TuningInput;

    /// <summary>The folder <c>/data</c> of a container image.</summary>
    /// <param name="Reference">As the user wrote it.</param>
    /// <param name="PullSecrets">Names of Secrets.</param>
    public sealed record Image(string Reference, ImmutableArray<string> PullSecrets) : TuningInput;

    /// <summary>A volume of the cluster.</summary>
    /// <param name="Source">A pod's volume source.</param>
    public sealed record Volume(JsonElement Source) : TuningInput;
}

/// <summary>Where an adapter goes.</summary>
public abstract record TuningOutput
{
    private TuningOutput()
    {
    }

    /// <summary>A container image to push.</summary>
    /// <param name="Reference">As the user wrote it.</param>
    /// <param name="PushSecret">Name of a Secret of type kubernetes.io/dockerconfigjson.</param>
    public sealed record Image(string Reference, string PushSecret) : TuningOutput;

    /// <summary>A volume of the cluster.</summary>
    /// <param name="Source">A pod's volume source.</param>
    public sealed record Volume(JsonElement Source) : TuningOutput;
}
