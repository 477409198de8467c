using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;
using Kaito.Operator.Nodes;

namespace Kaito.Operator.Rendering;

/// <summary>PURE: a Job of upstream's tuner, with containers around it that fetch the data and push the result.</summary>
internal static class UpstreamTuningJob
{
    private const string ConfigFolder = "/mnt/config";
    private const string DataFolder = "/mnt/data";
    private const string StateFolder = "/mnt/kaito";
    private const string WeightsFolder = "/workspace/weights";
    private const string Config = "config-volume";
    private const string Data = "data-volume";
    private const string Results = "results-volume";
    private const string State = "state-volume";
    private const string Weights = "model-weights-volume";
    private const string PullSecrets = "docker-config-tuning-input";

    /// <summary>The settings of the method when the user gives none.</summary>
    public const string LoraDefaults =
        """
        training_config:
          ModelConfig:
            torch_dtype: "bfloat16"
            local_files_only: true
            device_map: "auto"
          QuantizationConfig:
            load_in_4bit: false
          LoraConfig:
            r: 8
            lora_alpha: 8
            lora_dropout: 0.0
          TrainingArguments:
            output_dir: "/mnt/results"
            ddp_find_unused_parameters: false
            save_strategy: "no"
            per_device_train_batch_size: 1
          DataCollator:
            mlm: true
          DatasetConfig:
            shuffle_dataset: true
            train_test_split: 1

        """;

    private const string Unquantized = "    load_in_4bit: false\n";

    private const string Quantized =
        """
            load_in_4bit: true
            bnb_4bit_quant_type: "nf4"
            bnb_4bit_compute_dtype: "bfloat16"
            bnb_4bit_use_double_quant: true

        """;

    // $1 is the number of GPUs. While the trainer lives it holds the lock, however it ends.
    private const string Train =
        """
        exec 9>"$KAITO_STATE/lock"; flock 9; : > "$KAITO_STATE/started"
        cd /workspace/tfs || exit 1
        python3 metrics_server.py &
        accelerate launch "--num_processes=$1" /workspace/tfs/fine_tuning.py
        """;

    /// <summary>The same as <see cref="LoraDefaults"/> with weights of four bits.</summary>
    public static string QloraDefaults { get; } = LoraDefaults.Replace(Unquantized, Quantized, StringComparison.Ordinal);

    /// <summary>The method's settings where the user has none, and the Job.</summary>
    public static ImmutableArray<IKubeObject> Render(
        Workspace workspace, TuningWorkload tuning, PodPlacement placement, Wish wish)
    {
        var defaults = new ConfigMap
        {
            Metadata = Owned.By(workspace, $"{workspace.Name}-tuning-params"),
            Data = ImmutableSortedDictionary<string, string>.Empty.Add(
                TuningJob.ConfigFile, tuning.Method == TuningMethod.Qlora ? QloraDefaults : LoraDefaults),
        };
        var metadata = Owned.By(workspace, workspace.Name);
        var job = new Job
        {
            Metadata = metadata with
            {
                Annotations = ImmutableSortedDictionary<string, string>.Empty.Add(Annotations.Revision, wish.Revision),
            },
            Spec = new()
            {
                Template = new()
                {
                    Metadata = new() { Labels = PodParts.Labels(workspace) },
                    Spec = Pod(workspace, tuning, placement, wish with { Config = tuning.ConfigMap ?? defaults.Metadata.Name! }),
                },
            },
        };
        return tuning.ConfigMap is null ? [defaults, job] : [job];
    }

    private static PodSpec Pod(Workspace workspace, TuningWorkload tuning, PodPlacement placement, Wish wish)
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
            InitContainers = [WeightsOf(tuning, wish), .. Input(tuning, secrets)],
            Containers =
            [
                Trainer(workspace, tuning, placement, wish),
                .. tuning.Output is TuningOutput.Image output
                    ? [AdapterPusher.Render(output, tuning.Model.Name, wish.OutputFolder, Mount(Results, wish.OutputFolder), Mount(State, StateFolder))]
                    : (Container[])[],
            ],
            Volumes = [.. Volumes(tuning, wish.Config)],
        };
    }

    private static Container WeightsOf(TuningWorkload tuning, Wish wish) => new()
    {
        Name = "model-weights-downloader",
        Image = "mcr.microsoft.com/oss/v2/oras-project/oras:v1.2.3",
        Command = ["oras", "pull", $"{wish.Registry}/{tuning.Model.TuningWeights}", "-o", WeightsFolder],
        VolumeMounts = [Mount(Weights, WeightsFolder)],
    };

    private static IEnumerable<Container> Input(TuningWorkload tuning, ImmutableArray<string> secrets) => tuning.Input switch
    {
        TuningInput.Urls urls => [DataDownloader.Render(urls.Addresses, DataFolder, Mount(Data, DataFolder))],
        TuningInput.Image image =>
            [ImagePuller.Render("puller", image.Reference, DataFolder, Mount(Data, DataFolder), secrets.IsEmpty ? null : PullSecrets)],
        _ => [],
    };

    private static Container Trainer(Workspace workspace, TuningWorkload tuning, PodPlacement placement, Wish wish) => new()
    {
        Name = workspace.Name,
        Image = wish.Image,
        Command = ["/bin/sh", "-c", Train, "tuner", placement.Gpus.ToString(CultureInfo.InvariantCulture)],
        Env = [.. Environment(tuning)],
        Ports = [new() { Name = "http", Number = InferenceWorkload.Port, Protocol = "TCP" }],
        Resources = placement.Resources,
        VolumeMounts =
        [
            Mount("dshm", "/dev/shm"), Mount(Weights, WeightsFolder), Mount(Config, ConfigFolder) with { ReadOnly = true },
            Mount(Results, wish.OutputFolder), Mount(Data, DataFolder), Mount(State, StateFolder),
        ],
    };

    private static IEnumerable<EnvironmentVariable> Environment(TuningWorkload tuning)
    {
        if (tuning.Model.Name.StartsWith("phi-3", StringComparison.Ordinal))
        {
            yield return new()
            {
                Name = "DEFAULT_TARGET_MODULES",
                Value = "k_proj,q_proj,v_proj,o_proj,gate_proj,down_proj,up_proj",
            };
        }

        yield return new() { Name = "PYTORCH_CUDA_ALLOC_CONF", Value = "expandable_segments:True" };
        yield return new() { Name = "KAITO_STATE", Value = StateFolder };
        if (tuning.AccessSecret is { } secret)
        {
            yield return InferenceWorkload.Token(secret);
        }
    }

    private static IEnumerable<Volume> Volumes(TuningWorkload tuning, string config)
    {
        yield return Volume.FromEmptyDir("dshm", "Memory");
        yield return Volume.FromEmptyDir(Weights);
        yield return Volume.FromConfigMap(Config, config);
        yield return tuning.Output is TuningOutput.Volume output
            ? Volume.From(Results, output.Source)
            : Volume.FromEmptyDir(Results);
        yield return tuning.Input is TuningInput.Volume input ? Volume.From(Data, input.Source) : Volume.FromEmptyDir(Data);
        yield return Volume.FromEmptyDir(State);
        if (tuning.Output is TuningOutput.Image push)
        {
            yield return AdapterPusher.Credentials(push);
        }

        if (tuning.Input is TuningInput.Image { PullSecrets: { IsEmpty: false } secrets })
        {
            yield return ImagePuller.Credentials(PullSecrets, secrets);
        }
    }

    private static VolumeMount Mount(string volume, string folder) => new() { Name = volume, MountPath = folder };

    /// <summary>What the Job is made from besides the Workspace.</summary>
    /// <param name="Registry">Of upstream's images.</param>
    /// <param name="Image">Of the tuner.</param>
    /// <param name="OutputFolder">Where the tuner leaves the adapter.</param>
    /// <param name="Revision">Number of the desired state.</param>
    internal sealed record Wish(string Registry, string Image, string OutputFolder, string Revision)
    {
        /// <summary>ConfigMap with the training settings.</summary>
        public string Config { get; init; } = "";
    }
}
