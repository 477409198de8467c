using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Kaito.Core.Api;
using Kaito.Core.Contracts;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;
using Kaito.Operator.Nodes;
using Kaito.Operator.Workspaces;
using Preset = Kaito.Core.Workspaces.InferenceWorkload.Preset;

namespace Kaito.Operator.Rendering;

/// <summary>PURE: Kaito.InferenceHost with one model on the Workspace's nodes (runtime onnx).</summary>
internal static class InferenceWorkload
{
    public const int Port = 5000;
    private const string SettingsFile = "inference.json";
    private const string SettingsFolder = "/mnt/kaito";
    private const string SettingsHash = "kaito.sh/settings-hash";

    // The host answers what it has begun before it stops.
    private const int DrainSeconds = 60;

    /// <summary>A container that gains no rights.</summary>
    public static ContainerSecurityContext Confined { get; } = new()
    {
        AllowPrivilegeEscalation = false,
        Capabilities = new() { Drop = ["ALL"] },
    };

    /// <summary>Pods of our images: the user that .NET's images bring, who may write to the pod's own volumes.</summary>
    public static PodSecurityContext Unprivileged { get; } = new()
    {
        RunAsNonRoot = true,
        RunAsUser = AppUser,
        RunAsGroup = AppUser,
        FsGroup = AppUser,
        SeccompProfile = new() { Type = "RuntimeDefault" },
    };

    private const long AppUser = 1654;

    /// <summary>The settings file, then the pods that read it.</summary>
    /// <param name="workspace">What to serve, and where.</param>
    /// <param name="preset">The Workspace's model.</param>
    /// <param name="engine">What the user asks of the engine.</param>
    /// <param name="placement">The nodes that the pods run on.</param>
    /// <param name="from">Image of the host, and the nodes' folder with the model; null where the host finds it itself.</param>
    /// <param name="revision">Number of the desired state.</param>
    public static (ConfigMap Settings, StatefulSet Pods) Render(
        Workspace workspace, Preset preset, EngineConfig engine, PodPlacement placement, (string Image, string? Weights) from,
        long revision)
    {
        var (image, weights) = from;
        var defaults = new InferenceHostSettings { ServedModelName = preset.Name };
        var settings = new InferenceHostSettings
        {
            ServedModelName = preset.Name,
            ModelRepository = preset.Model.Repository,
            ModelRevision = preset.Model.Revision,
            ModelPath = weights,
            MaxModelLength = engine.MaxModelLength,
            MaxSequences = engine.MaxSequences ?? defaults.MaxSequences,
            QueueCapacity = engine.QueueCapacity ?? defaults.QueueCapacity,
            Port = Port,
            BenchmarkSeconds = engine.BenchmarkSeconds,
            Adapters = preset.Adapters.IsEmpty
                ? null
                : [.. preset.Adapters.Select(static a => new AdapterSettings(a.Name, AdapterVolumes.Path(a), a.Strength))],
        }.ToJson();
        var map = new ConfigMap
        {
            Metadata = Owned.By(workspace, SettingsName(workspace)),
            Data = ImmutableSortedDictionary<string, string>.Empty.Add(SettingsFile, settings),
        };
        var pods = Pods(workspace, preset, settings, placement, (image, weights));
        return (map, pods with
        {
            Metadata = pods.Metadata with
            {
                Annotations = ImmutableSortedDictionary<string, string>.Empty.Add(
                    Annotations.Revision, revision.ToString(CultureInfo.InvariantCulture)),
            },
        });
    }

    /// <summary>The access token of the models' hub, from the user's Secret.</summary>
    public static EnvironmentVariable Token(string secret) => new()
    {
        Name = "HF_TOKEN",
        ValueFrom = new() { SecretKeyRef = new() { Name = secret, Key = "HF_TOKEN", Optional = true } },
    };

    private static string SettingsName(Workspace workspace) => $"{workspace.Name}-inference-settings";

    private static StatefulSet Pods(
        Workspace workspace, Preset preset, string settings, PodPlacement placement, (string Image, string? Weights) from)
    {
        var adapters = AdapterVolumes.Of(preset);
        return new()
        {
            Metadata = Owned.By(workspace, workspace.Name),
            Spec = new()
            {
                Replicas = workspace.Nodes,
                ServiceName = $"{workspace.Name}-headless",
                PodManagementPolicy = "Parallel",
                Selector = new() { MatchLabels = PodParts.Labels(workspace) },
                Template = new()
                {
                    Metadata = new()
                    {
                        Labels = PodParts.Labels(workspace),
                        Annotations = ImmutableSortedDictionary<string, string>.Empty.Add(
                            SettingsHash,
                            Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(settings)))[..16]),
                    },
                    Spec = new()
                    {
                        Affinity = placement.Affinity,
                        Tolerations = PodParts.Tolerations(placement),
                        ImagePullSecrets = adapters.PullSecrets.IsEmpty ? null : adapters.PullSecrets,
                        TerminationGracePeriodSeconds = DrainSeconds,
                        SecurityContext = Unprivileged,
                        InitContainers = adapters.Pullers.IsEmpty ? null : adapters.Pullers,
                        Containers = [Host(workspace, preset, placement, adapters, from)],
                        Volumes =
                        [
                            Volume.FromConfigMap("settings", SettingsName(workspace)),
                            from.Weights is { } folder
                                ? Volume.FromHostPath("model-weights-hostpath", folder, "Directory")
                                : Volume.FromEmptyDir("model-weights-volume"),
                            Volume.FromEmptyDir("dshm", "Memory"),
                            .. adapters.Volumes,
                        ],
                    },
                },
            },
        };
    }

    private static Container Host(
        Workspace workspace, Preset preset, PodPlacement placement, AdapterVolumes adapters,
        (string Image, string? Weights) from) => new()
        {
            Name = workspace.Name,
            Image = from.Image,
            Args = ["--config", $"{SettingsFolder}/{SettingsFile}"],
            Env = [.. Environment(preset, from.Weights)],
            Ports = [new() { Name = "http", Number = Port, Protocol = "TCP" }],
            Resources = placement.Resources,
            StartupProbe = Health(1, failures: 10 * preset.Model.StartupFailureThreshold),
            LivenessProbe = Health(10, failures: 3),
            ReadinessProbe = Health(1, failures: 3),
            VolumeMounts =
            [
                new() { Name = "settings", MountPath = SettingsFolder, ReadOnly = true },
                from.Weights is { } folder
                    ? new() { Name = "model-weights-hostpath", MountPath = folder, ReadOnly = true }
                    : new() { Name = "model-weights-volume", MountPath = "/workspace/weights" },
                new() { Name = "dshm", MountPath = "/dev/shm" },
                .. adapters.Mounts,
            ],
            SecurityContext = Confined,
        };

    // The startup threshold of a preset counts periods of ten seconds; ours are of one, so that no second is lost.
    private static Probe Health(int period, int failures) => new()
    {
        HttpGet = new() { Path = "/health", Port = Port },
        PeriodSeconds = period,
        TimeoutSeconds = Math.Min(period, 5),
        FailureThreshold = failures,
    };

    private static IEnumerable<EnvironmentVariable> Environment(Preset preset, string? weights)
    {
        yield return new() { Name = InferenceHostEnvironment.ModelRepository, Value = preset.Model.Repository };
        if (weights is not null)
        {
            yield return new() { Name = InferenceHostEnvironment.ModelPath, Value = weights };
        }

        if (preset.AccessSecret is { } secret)
        {
            yield return Token(secret);
        }
    }
}
