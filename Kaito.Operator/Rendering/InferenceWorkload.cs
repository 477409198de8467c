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

    /// <summary>The settings file, then the pods that read it.</summary>
    /// <param name="workspace">What to serve, and where.</param>
    /// <param name="preset">The Workspace's model.</param>
    /// <param name="engine">What the user asks of the engine.</param>
    /// <param name="placement">The nodes that the pods run on.</param>
    /// <param name="image">Image of the host.</param>
    /// <param name="revision">Number of the desired state.</param>
    public static (ConfigMap Settings, StatefulSet Pods) Render(
        Workspace workspace, Preset preset, EngineConfig engine, PodPlacement placement, string image, long revision)
    {
        var defaults = new InferenceHostSettings { ServedModelName = preset.Name };
        var settings = new InferenceHostSettings
        {
            ServedModelName = preset.Name,
            ModelRepository = preset.Model.Repository,
            ModelRevision = preset.Model.Revision,
            MaxModelLength = engine.MaxModelLength,
            MaxSequences = engine.MaxSequences ?? defaults.MaxSequences,
            QueueCapacity = engine.QueueCapacity ?? defaults.QueueCapacity,
            Port = Port,
        }.ToJson();
        var map = new ConfigMap
        {
            Metadata = Owned.By(workspace, SettingsName(workspace)),
            Data = ImmutableSortedDictionary<string, string>.Empty.Add(SettingsFile, settings),
        };
        var pods = Pods(workspace, preset, settings, placement, image);
        return (map, pods with
        {
            Metadata = pods.Metadata with
            {
                Annotations = ImmutableSortedDictionary<string, string>.Empty.Add(
                    Annotations.Revision, revision.ToString(CultureInfo.InvariantCulture)),
            },
        });
    }

    private static string SettingsName(Workspace workspace) => $"{workspace.Name}-inference-settings";

    private static StatefulSet Pods(
        Workspace workspace, Preset preset, string settings, PodPlacement placement, string image) => new()
        {
            Metadata = Owned.By(workspace, workspace.Name),
            Spec = new()
            {
                Replicas = workspace.Nodes,
                ServiceName = $"{workspace.Name}-headless",
                PodManagementPolicy = "Parallel",
                Selector = new() { MatchLabels = PodLabels(workspace) },
                Template = new()
                {
                    Metadata = new()
                    {
                        Labels = PodLabels(workspace),
                        Annotations = ImmutableSortedDictionary<string, string>.Empty.Add(
                        SettingsHash,
                        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(settings)))[..16]),
                    },
                    Spec = new()
                    {
                        Affinity = placement.Affinity,
                        Tolerations =
                    [
                        new() { Effect = "NoSchedule", Operator = "Exists", Key = PodPlacement.Gpu },
                        new() { Effect = "NoSchedule", Operator = "Equal", Key = "sku", Value = "gpu" },
                        new()
                        {
                            Effect = "NoSchedule",
                            Operator = "Equal",
                            Key = "kubernetes.azure.com/scalesetpriority",
                            Value = "spot",
                        },
                    ],
                        Containers = [Host(workspace, preset, placement, image)],
                        Volumes =
                    [
                        new() { Name = "settings", ConfigMap = new() { Name = SettingsName(workspace) } },
                        new() { Name = "model-weights-volume", EmptyDir = new() },
                        new() { Name = "dshm", EmptyDir = new() { Medium = "Memory" } },
                    ],
                    },
                },
            },
        };

    private static ImmutableSortedDictionary<string, string> PodLabels(Workspace workspace) =>
        Owned.Selector(workspace).SetItems(workspace.InheritedLabels);

    private static Container Host(
        Workspace workspace, Preset preset, PodPlacement placement, string image)
    {
        return new()
        {
            Name = workspace.Name,
            Image = image,
            Args = ["--config", $"{SettingsFolder}/{SettingsFile}"],
            Env = [.. Environment(preset)],
            Ports = [new() { Name = "http", Number = Port, Protocol = "TCP" }],
            Resources = placement.Resources,
            StartupProbe = Health(1, failures: 10 * preset.Model.StartupFailureThreshold),
            LivenessProbe = Health(10, failures: 3),
            ReadinessProbe = Health(1, failures: 3),
            VolumeMounts =
            [
                new() { Name = "settings", MountPath = SettingsFolder, ReadOnly = true },
                new() { Name = "model-weights-volume", MountPath = "/workspace/weights" },
                new() { Name = "dshm", MountPath = "/dev/shm" },
            ],
        };
    }

    // The startup threshold of a preset counts periods of ten seconds; ours are of one, so that no second is lost.
    private static Probe Health(int period, int failures) => new()
    {
        HttpGet = new() { Path = "/health", Port = Port },
        PeriodSeconds = period,
        TimeoutSeconds = Math.Min(period, 5),
        FailureThreshold = failures,
    };

    private static IEnumerable<EnvironmentVariable> Environment(Preset preset)
    {
        yield return new() { Name = InferenceHostEnvironment.ModelRepository, Value = preset.Model.Repository };
        if (preset.AccessSecret is { } secret)
        {
            yield return new()
            {
                Name = "HF_TOKEN",
                ValueFrom = new() { SecretKeyRef = new() { Name = secret, Key = "HF_TOKEN", Optional = true } },
            };
        }
    }
}
