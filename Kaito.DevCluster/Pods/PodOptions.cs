using System.Collections.Frozen;
using Kaito.DevCluster.Nodes;

namespace Kaito.DevCluster.Pods;

/// <summary>How pods run on this computer.</summary>
internal sealed record PodOptions
{
    /// <summary>Folder of everything that pods write. <c>--state-dir</c>, default <c>.kaito</c>.</summary>
    public required string StateFolder { get; init; }

    /// <summary>Image name → .dll or executable. <c>--Images:NAME=PATH</c>.</summary>
    public required FrozenDictionary<string, string> Images { get; init; }

    /// <summary>Model folder for pods whose own model is not here. <c>--substitute-model</c>; null for none.</summary>
    public string? SubstituteModel { get; init; }

    /// <summary>Pause before the second restart of a container; doubles. <c>--restart-backoff</c>, default 10 s.</summary>
    public TimeSpan RestartPause { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest pause. <c>--restart-backoff-max</c>, default 5 min.</summary>
    public TimeSpan LongestRestartPause { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long pods may take to end when the cluster stops. <c>--pod-stop-timeout</c>, default 5 s.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(5);

    public string PodsFolder => Path.Combine(StateFolder, "pods");

    public static PodOptions Read(IConfiguration configuration) => new()
    {
        StateFolder = Path.GetFullPath(configuration["state-dir"] is { Length: > 0 } folder ? folder : ".kaito"),
        Images = configuration.GetSection("Images").GetChildren()
            .Where(static entry => entry.Value is not null)
            .ToFrozenDictionary(static entry => entry.Key, static entry => entry.Value!, StringComparer.OrdinalIgnoreCase),
        SubstituteModel = configuration["substitute-model"] is { Length: > 0 } model ? Path.GetFullPath(model) : null,
        RestartPause = ProvisioningOptions.Duration(configuration, "restart-backoff", TimeSpan.FromSeconds(10)),
        LongestRestartPause = ProvisioningOptions.Duration(configuration, "restart-backoff-max", TimeSpan.FromMinutes(5)),
        StopTimeout = ProvisioningOptions.Duration(configuration, "pod-stop-timeout", TimeSpan.FromSeconds(5)),
    };
}
