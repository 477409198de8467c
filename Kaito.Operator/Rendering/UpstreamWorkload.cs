using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;
using Kaito.Operator.Nodes;
using Preset = Kaito.Core.Workspaces.InferenceWorkload.Preset;

namespace Kaito.Operator.Rendering;

/// <summary>PURE: upstream's image with one model: vLLM on one node or, joined by Ray, on several; or transformers.</summary>
internal static class UpstreamWorkload
{
    private const string Weights = "model-weights-volume";
    private const string HostWeights = "model-weights-hostpath";
    private const string Cuda = "cuda-toolkit-hostpath";
    private const string CudaFolder = "/opt/kaito/cuda/129";
    private const string Config = "config-volume";
    private const string ConfigHash = "kaito.sh/config-hash";

    // Arguments, not text of the script, carry what differs: $1 is the leader, $2 the number of nodes, then the program.
    private const string JoinByRay =
        """
        leader=$1 nodes=$2; shift 2
        if [ "${POD_INDEX}" = "0" ]; then
          /workspace/vllm/multi-node-serving.sh leader --ray_cluster_size="$nodes" --ray_port=6379
          exec "$@"
        else
          exec /workspace/vllm/multi-node-serving.sh worker --ray_address="$leader" --ray_port=6379
        fi
        """;

    private static readonly ImmutableHashSet<string> s_deepGemm =
        ["DeepseekV4ForCausalLM", "DeepseekV32ForCausalLM", "GlmMoeDsaForCausalLM"];

    public static StatefulSet Render(
        Workspace workspace, Preset preset, PodPlacement placement, UpstreamOptions options, long revision)
    {
        var metadata = Owned.By(workspace, workspace.Name);
        var claims = options.LocalWeights is null ? options.Claims : [];
        return new()
        {
            Metadata = metadata with
            {
                Annotations = ImmutableSortedDictionary<string, string>.Empty.Add(
                    Annotations.Revision, revision.ToString(CultureInfo.InvariantCulture)),
            },
            Spec = new()
            {
                Replicas = workspace.Nodes,
                ServiceName = $"{workspace.Name}-headless",
                PodManagementPolicy = "Parallel",

                // Only with claims: API servers of 1.21 and 1.22 do not know the field either.
                PersistentVolumeClaimRetentionPolicy = claims.IsEmpty
                    ? null
                    : new() { WhenScaled = "Retain", WhenDeleted = "Delete" },
                Selector = new() { MatchLabels = PodParts.Labels(workspace) },
                Template = new()
                {
                    Metadata = new()
                    {
                        Labels = PodParts.Labels(workspace),
                        Annotations = options.ConfigHash is { } hash
                            ? ImmutableSortedDictionary<string, string>.Empty.Add(ConfigHash, hash)
                            : null,
                    },
                    Spec = Pod(workspace, preset, placement, options),
                },
                VolumeClaimTemplates = claims.IsEmpty ? null : claims,
            },
        };
    }

    /// <summary>A claim on a local NVMe disk for the weights of one pod.</summary>
    public static PersistentVolumeClaimTemplate WeightsClaim(Workspace workspace, string storageClass) => new()
    {
        Metadata = new() { Name = Weights, Labels = Owned.Selector(workspace) },
        Spec = new()
        {
            AccessModes = ["ReadWriteOnce"],
            StorageClassName = storageClass,
            Resources = new()
            {
                Requests = ImmutableSortedDictionary<string, string>.Empty.Add("storage", workspace.Disk.ToString()),
            },
        },
    };

    private static PodSpec Pod(Workspace workspace, Preset preset, PodPlacement placement, UpstreamOptions options)
    {
        var adapters = AdapterVolumes.Of(preset);
        ImmutableArray<Container> init = [.. CudaToolkit(preset, options), .. adapters.Pullers];
        return new()
        {
            Affinity = placement.Affinity,
            Tolerations = PodParts.Tolerations(placement),
            ImagePullSecrets = adapters.PullSecrets.IsEmpty ? null : adapters.PullSecrets,
            InitContainers = init.IsEmpty ? null : init,
            Containers = [Server(workspace, preset, placement, (options, adapters)), .. Sidecar(options)],
            Volumes = [.. Volumes(preset, options), .. adapters.Volumes],
        };
    }

    private static Container Server(
        Workspace workspace, Preset preset, PodPlacement placement, (UpstreamOptions, AdapterVolumes) given)
    {
        var (options, adapters) = given;
        var program = options.Vllm
            ? VllmArguments.Of(workspace, preset, placement, options)
            : TransformersArguments.Of(preset, options);
        return new()
        {
            Name = workspace.Name,
            Image = options.Image,
            Command = options.Joined(workspace)
                ?
                [
                    "/bin/sh", "-c", JoinByRay, "vllm", UpstreamProbes.Leader(workspace),
                    workspace.Nodes.ToString(CultureInfo.InvariantCulture), .. program,
                ]
                : program,
            Env = NullIfEmpty([.. Environment(workspace, preset, options)]),
            Ports = options.Vllm
                ? [Port("http", options.Port), Port("kv-events", Services.KvEvents)]
                : [Port("http", options.Port)],
            Resources = placement.Resources,
            StartupProbe = UpstreamProbes.Startup(workspace, preset.Model.StartupFailureThreshold, options),
            LivenessProbe = UpstreamProbes.Liveness(workspace, options),
            ReadinessProbe = UpstreamProbes.Readiness(workspace, options),
            VolumeMounts = [.. Mounts(preset, options), .. adapters.Mounts],
        };
    }

    private static ImmutableArray<EnvironmentVariable>? NullIfEmpty(ImmutableArray<EnvironmentVariable> variables) =>
        variables.IsEmpty ? null : variables;

    private static ContainerPort Port(string name, int number) => new() { Name = name, Number = number, Protocol = "TCP" };

    private static IEnumerable<EnvironmentVariable> Environment(Workspace workspace, Preset preset, UpstreamOptions options)
    {
        if (options.Vllm)
        {
            yield return new() { Name = "VLLM_USE_FLASHINFER_SAMPLER", Value = "0" };
            yield return new()
            {
                Name = "VLLM_USE_DEEP_GEMM",
                Value = s_deepGemm.Contains(preset.Model.Architecture) ? "1" : "0",
            };
        }

        if (NeedsCuda(preset))
        {
            yield return new() { Name = "CUDA_HOME", Value = CudaFolder };
        }

        if (options.LocalWeights is { } folder)
        {
            yield return new() { Name = "KAITO_PROCESSOR", Value = folder };
        }

        if (options.Role is { } role)
        {
            yield return new() { Name = "KAITO_INFERENCE_ROLE", Value = role };
            yield return Field("VLLM_NIXL_SIDE_CHANNEL_HOST", "status.podIP");
        }

        if (preset.AccessSecret is { } secret)
        {
            yield return InferenceWorkload.Token(secret);
        }

        foreach (var adapter in preset.Adapters.Where(a => !options.Vllm && a.Strength < 1))
        {
            yield return new() { Name = adapter.Name, Value = adapter.Strength.ToString(CultureInfo.InvariantCulture) };
        }

        if (options.Joined(workspace))
        {
            yield return Field("POD_INDEX", "metadata.labels['apps.kubernetes.io/pod-index']");
        }
    }

    private static EnvironmentVariable Field(string name, string path) =>
        new() { Name = name, ValueFrom = new() { FieldRef = new() { FieldPath = path } } };

    private static IEnumerable<VolumeMount> Mounts(Preset preset, UpstreamOptions options)
    {
        if (preset.ConfigMap is not null)
        {
            yield return new() { Name = Config, MountPath = VllmArguments.ConfigFolder };
        }

        yield return options.LocalWeights is { } folder
            ? new() { Name = HostWeights, MountPath = folder, ReadOnly = true }
            : new() { Name = Weights, MountPath = VllmArguments.WeightsFolder };
        if (NeedsCuda(preset))
        {
            yield return new() { Name = Cuda, MountPath = CudaFolder, ReadOnly = true };
        }

        yield return new() { Name = "dshm", MountPath = "/dev/shm" };
    }

    private static IEnumerable<Volume> Volumes(Preset preset, UpstreamOptions options)
    {
        if (preset.ConfigMap is { } map)
        {
            yield return Volume.FromConfigMap(Config, map);
        }

        if (options.LocalWeights is { } folder)
        {
            yield return Volume.FromHostPath(HostWeights, folder, "Directory");
        }
        else if (options.Claims.IsEmpty)
        {
            yield return Volume.FromEmptyDir(Weights);
        }

        if (NeedsCuda(preset))
        {
            yield return Volume.FromHostPath(Cuda, CudaFolder, "DirectoryOrCreate");
        }

        yield return Volume.FromEmptyDir("dshm", "Memory");
    }

    // Kernels that are compiled on the node need the toolkit, which upstream's image leaves out.
    private static bool NeedsCuda(Preset preset) =>
        s_deepGemm.Contains(preset.Model.Architecture) || preset.Model.Name == "mistral-small-4-119b-2603";

    private static IEnumerable<Container> CudaToolkit(Preset preset, UpstreamOptions options) => NeedsCuda(preset)
        ?
        [
            new()
            {
                Name = "cuda-toolkit-provisioner",
                Image = options.Image,
                Command = ["/bin/sh", "-c", "flock \"$1\" /workspace/cuda-provision.sh \"$1\"", "sh", CudaFolder],
                VolumeMounts = [new() { Name = Cuda, MountPath = CudaFolder }],
            },
        ]
        : [];

    private static IEnumerable<Container> Sidecar(UpstreamOptions options) => options.Role == "decode"
        ?
        [
            new()
            {
                Name = "llm-d-routing-sidecar",
                Image = "mcr.microsoft.com/oss/v2/llm-d/llm-d-routing-sidecar:v0.8.0",
                Args =
                [
                    FormattableString.Invariant($"--port={InferenceWorkload.Port}"),
                    FormattableString.Invariant($"--vllm-port={options.Port}"), "--secure-proxy=false",
                ],
                Ports = [new() { Name = "sidecar", Number = InferenceWorkload.Port, Protocol = "TCP" }],
                Env = [Field("POD_IP", "status.podIP"), Field("VLLM_NIXL_SIDE_CHANNEL_HOST", "status.podIP")],
            },
        ]
        : [];
}
