using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Contracts;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;
using Kaito.Operator.Nodes;

namespace Kaito.Operator.Rendering;

/// <summary>PURE: a Job of Kaito.Tuner; it downloads, trains and pushes in one container.</summary>
internal static class TuningJob
{
    /// <summary>Key of the user's ConfigMap.</summary>
    public const string ConfigFile = "training_config.yaml";

    private const string SettingsFile = "tuning.json";
    private const string SettingsFolder = "/mnt/kaito";
    private const string ConfigFolder = "/mnt/config";
    private const string PushFolder = "/mnt/push-secret";
    private const string Data = "data-volume";
    private const string DataFolder = "/mnt/data";
    private const string Results = "results-volume";
    private const string ResultsFolder = "/mnt/results";
    private const string PullSecrets = "docker-config-tuning-input";

    /// <summary>The settings file, then the Job whose pods read it.</summary>
    public static (ConfigMap Settings, Job Job) Render(
        Workspace workspace, TuningWorkload tuning, PodPlacement placement, string image, string revision)
    {
        var map = new ConfigMap
        {
            Metadata = Owned.By(workspace, $"{workspace.Name}-tuning-settings"),
            Data = ImmutableSortedDictionary<string, string>.Empty.Add(SettingsFile, Settings(tuning).ToJson()),
        };
        var metadata = Owned.By(workspace, workspace.Name);
        return (map, new()
        {
            Metadata = metadata with
            {
                Annotations = ImmutableSortedDictionary<string, string>.Empty.Add(Annotations.Revision, revision),
            },
            Spec = new()
            {
                Template = new()
                {
                    Metadata = new() { Labels = PodParts.Labels(workspace) },
                    Spec = Pod(workspace, tuning, placement, (image, map.Metadata.Name!)),
                },
            },
        });
    }

    private static TunerSettings Settings(TuningWorkload tuning) => new()
    {
        ModelRepository = tuning.Model.Repository,
        ModelRevision = tuning.Model.Revision,
        ModelName = tuning.Model.Name,
        Method = tuning.Method == TuningMethod.Qlora ? "qlora" : "lora",
        DataFolder = DataFolder,
        DataUrls = tuning.Input is TuningInput.Urls urls ? [.. urls.Addresses.Select(static a => a.AbsoluteUri)] : null,
        OutputFolder = ResultsFolder,
        TrainingConfig = tuning.ConfigMap is null ? null : $"{ConfigFolder}/{ConfigFile}",
        PushImage = (tuning.Output as TuningOutput.Image)?.Reference,
        PushCredentials = tuning.Output is TuningOutput.Image ? $"{PushFolder}/config.json" : null,
    };

    private static PodSpec Pod(
        Workspace workspace, TuningWorkload tuning, PodPlacement placement, (string Image, string Settings) names)
    {
        var secrets = (tuning.Input as TuningInput.Image)?.PullSecrets ?? [];
        return new()
        {
            Affinity = placement.Affinity,
            Tolerations =
            [
                new() { Effect = "NoSchedule", Operator = "Equal", Key = "gpu", Value = "" },
                .. PodParts.Tolerations(placement),
            ],
            ImagePullSecrets = secrets.IsEmpty ? null : [.. secrets.Select(static s => new LocalReference { Name = s })],
            RestartPolicy = "Never",
            SecurityContext = InferenceWorkload.Unprivileged,
            InitContainers = tuning.Input is TuningInput.Image input
                ?
                [
                    ImagePuller.Render(
                        "puller", input.Reference, DataFolder, new() { Name = Data, MountPath = DataFolder },
                        secrets.IsEmpty ? null : PullSecrets),
                ]
                : null,
            Containers = [Tuner(workspace, tuning, placement, names.Image)],
            Volumes = [.. Volumes(tuning, names.Settings)],
        };
    }

    private static Container Tuner(Workspace workspace, TuningWorkload tuning, PodPlacement placement, string image) => new()
    {
        Name = workspace.Name,
        Image = image,
        Args = ["--config", $"{SettingsFolder}/{SettingsFile}"],
        Env =
        [
            new() { Name = InferenceHostEnvironment.ModelRepository, Value = tuning.Model.Repository },
            .. tuning.AccessSecret is { } secret ? [InferenceWorkload.Token(secret)] : (EnvironmentVariable[])[],
        ],
        Ports = [new() { Name = "http", Number = InferenceWorkload.Port, Protocol = "TCP" }],
        Resources = placement.Resources,
        VolumeMounts = [.. Mounts(tuning)],
        SecurityContext = InferenceWorkload.Confined,
    };

    private static IEnumerable<VolumeMount> Mounts(TuningWorkload tuning)
    {
        yield return new() { Name = "settings", MountPath = SettingsFolder, ReadOnly = true };
        yield return new() { Name = "dshm", MountPath = "/dev/shm" };
        yield return new() { Name = "model-weights-volume", MountPath = "/workspace/weights" };
        yield return new() { Name = Results, MountPath = ResultsFolder };
        yield return new() { Name = Data, MountPath = DataFolder };
        if (tuning.ConfigMap is not null)
        {
            yield return new() { Name = "config-volume", MountPath = ConfigFolder, ReadOnly = true };
        }

        if (tuning.Output is TuningOutput.Image)
        {
            yield return new() { Name = "docker-config", MountPath = PushFolder, ReadOnly = true };
        }
    }

    private static IEnumerable<Volume> Volumes(TuningWorkload tuning, string settings)
    {
        yield return Volume.FromConfigMap("settings", settings);
        yield return Volume.FromEmptyDir("dshm", "Memory");
        yield return Volume.FromEmptyDir("model-weights-volume");
        yield return tuning.Output is TuningOutput.Volume output
            ? Volume.From(Results, output.Source)
            : Volume.FromEmptyDir(Results);
        yield return tuning.Input is TuningInput.Volume input
            ? Volume.From(Data, input.Source)
            : Volume.FromEmptyDir(Data);
        if (tuning.ConfigMap is { } map)
        {
            yield return Volume.FromConfigMap("config-volume", map);
        }

        if (tuning.Output is TuningOutput.Image push)
        {
            yield return Volume.FromSecrets("docker-config", (push.PushSecret, ".dockerconfigjson", "config.json"));
        }

        if (tuning.Input is TuningInput.Image { PullSecrets: { IsEmpty: false } secrets })
        {
            yield return ImagePuller.Credentials(PullSecrets, secrets);
        }
    }
}
