using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core;
using Kaito.Core.Api;
using Kaito.Core.Catalog;
using Kaito.Core.Hardware;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;
using Kaito.Operator.Rendering;
using Kaito.Operator.Workspaces;

namespace Kaito.Tests.Operator.Rendering;

public sealed class VllmWorkloadTests
{
    private const string A100 = "Standard_NC24ads_A100_v4";
    private const string FourA100 = "Standard_NC96ads_A100_v4";

    private static readonly JsonSerializerOptions s_indented = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    [Fact]
    public void Plan_SingleGpu_MatchesTheGolden() => Match("single-gpu", WorkloadCases.Workspace("phi-4"));

    [Fact]
    public void Plan_SeveralGpus_MatchesTheGolden() =>
        Match("several-gpus", WorkloadCases.Workspace("gpt-oss-120b", FourA100));

    [Fact]
    public void Plan_SeveralNodes_MatchesTheGolden() =>
        Match("several-nodes", WorkloadCases.Workspace("llama-3.3-70b-instruct").With(static i => i with
        {
            Preset = i.Preset! with { PresetOptions = new() { ModelAccessSecret = "hub-token" } },
        }));

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, null)]
    public void Plan_SeveralNodesOnAServerBefore121_LeavesOutWhatItDoesNotKnow(bool recent, int? grace)
    {
        var pods = WorkloadCases.Plan(
            WorkloadCases.Workspace("llama-3.3-70b-instruct"), new() { HasBudgets = recent }).Pods();

        Assert.Equal(
            grace,
            (int?)pods["spec"]!["template"]!["spec"]!["containers"]![0]!["livenessProbe"]!["terminationGracePeriodSeconds"]);
    }

    [Fact]
    public void Plan_ConfigMap_MatchesTheGolden() => Match(
        "config-map", WorkloadCases.Workspace("phi-4").With(static i => i with { Config = "mine" }),
        new() { UserConfig = WorkloadCases.EngineSettings("vllm:\n  max-num-seqs: 512\n  swap-space: 4\n") });

    [Fact]
    public void Plan_Adapters_MatchesTheGolden() => Match(
        "adapters", WorkloadCases.Workspace("phi-4").With(static i => i with
        {
            Adapters =
            [
                new()
                {
                    Source = new() { Name = "poet", Image = "registry.example.com/poet:1", ImagePullSecrets = ["pull"] },
                    Strength = "1.0",
                },
                new()
                {
                    Source = new()
                    {
                        Name = "a.name.with.dots",
                        VolumeSource = WorkloadCases.Element("""{"csi": {"driver": "x", "volumeAttributes": {"k": "v"}}}"""),
                    },
                },
            ],
        }));

    [Fact]
    public void Plan_GatedModelWithSecret_MatchesTheGolden() => Match(
        "gated", WorkloadCases.Workspace("llama-3.1-8b-instruct").With(static i => i with
        {
            Preset = i.Preset! with { PresetOptions = new() { ModelAccessSecret = "hub-token" } },
        }));

    [Fact]
    public void Plan_ReplicaOfAnInferenceSet_MatchesTheGolden()
    {
        var workspace = WorkloadCases.Workspace("phi-4");
        Match("inference-set", workspace with
        {
            Metadata = workspace.Metadata with
            {
                Labels = ImmutableSortedDictionary<string, string>.Empty.Add(Labels.CreatedByInferenceSet, "my-set"),
            },
        });
    }

    [Fact]
    public void Plan_LocalWeightsOnADecoderWithoutBenchmark_MatchesTheGolden()
    {
        var workspace = WorkloadCases.Workspace("deepseek-ai/DeepSeek-V4-Flash-0731", "Standard_ND96isr_H200_v5")
            .Annotated(Annotations.UseLocalWeights, "true").Annotated(Annotations.DisableBenchmark, "true")
            .Annotated(Annotations.PerformanceMode, "throughput");
        Match("decoder", workspace with
        {
            Metadata = workspace.Metadata with
            {
                Labels = ImmutableSortedDictionary<string, string>.Empty.Add(Labels.InferenceRole, "decode"),
            },
        });
    }

    [Fact]
    public void Plan_UpstreamsExample_HasEveryFieldOfIt()
    {
        var text = File.ReadAllText(Repository.Path("Kaito.Tests/Operator/Rendering/Golden/upstream-phi-4-mini.yaml"));
        var upstream = Yaml.ToJson(text)!;
        var workspace = WorkloadCases.Workspace("phi-4-mini-instruct");
        workspace = workspace with
        {
            Metadata = workspace.Metadata with { Name = "workspace-phi-4-mini", Namespace = "default" },
            Resource = workspace.Resource! with
            {
                LabelSelector = new()
                {
                    MatchLabels = ImmutableSortedDictionary<string, string>.Empty.Add("apps", "phi-4-mini"),
                },
            },
        };

        var ours = WorkloadCases.Plan(workspace, new() { NvmeClass = "kaito-local-nvme-disk" }).Pods();

        // The one difference: no shell reads the command line.
        upstream["spec"]!["template"]!["spec"]!["containers"]![0]!.AsObject().Remove("command");
        AssertContains(upstream, ours, "");
        Assert.StartsWith("python3 /workspace/vllm/inference_api.py --", ours.CommandLine(), StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_Phi4_RunsUpstreamsCommandLine() => Assert.Equal(
        "python3 /workspace/vllm/inference_api.py --compilation-config.pass_config.fuse_allreduce_rms=False "
        + "--config_format=auto --download-dir=/workspace/weights --dtype=bfloat16 --gpu-memory-utilization=0.84 "
        + "--kv-events-config='{\"enable_kv_cache_events\":true}' --load_format=auto --max-model-len=auto "
        + "--model=microsoft/phi-4 --served-model-name=phi-4 --tensor-parallel-size=1 --tokenizer_mode=auto "
        + "--trust-remote-code",
        WorkloadCases.Plan(WorkloadCases.Workspace("phi-4")).Pods().CommandLine());

    [Theory]
    [InlineData(
        "phi-4", FourA100, "--data-parallel-size=4 --tensor-parallel-size=1 --kaito-kv-cache-cpu-memory-utilization=0")]
    [InlineData(
        "llama-3.3-70b-instruct", A100,
        "--chat-template=/workspace/chat_templates/tool-chat-llama3.1-json.jinja --tool-call-parser=llama3_json "
        + "--enable-auto-tool-choice --tensor-parallel-size=1 --pipeline-parallel-size=3 "
        + "--distributed-executor-backend=ray --kaito-kv-cache-cpu-memory-utilization=0")]
    [InlineData("phi-4-mini-instruct", "Standard_NV36ads_A10_v5", "--gpu-memory-utilization=0.82")]
    [InlineData("gpt-oss-20b", A100, "--tensor-parallel-size=1 --kaito-kv-cache-cpu-memory-utilization=0")] // a hybrid cache
    public void Plan_OtherHardware_AddsUpstreamsFlags(string preset, string instanceType, string flags)
    {
        var command = WorkloadCases.Plan(WorkloadCases.Workspace(preset, instanceType)).Pods().CommandLine().Split(' ');

        Assert.Subset(command.ToHashSet(), flags.Split(' ').ToHashSet());
    }

    [Theory]
    [InlineData("39.9Gi", "nvidia.com/gpu", "--data-parallel-size=4 --kaito-kv-cache-cpu-memory-utilization=0 --tensor-parallel-size=1")]
    [InlineData("40Gi", "nvidia.com/gpu", "--tensor-parallel-size=4")] // just half of each GPU
    [InlineData("40Gi", "nvidia.com/mig-3g.40gb", "--kaito-kv-cache-cpu-memory-utilization=0 --tensor-parallel-size=4")]
    public void Of_ShareOfAGpu_DecidesBetweenCopiesAndShards(string weights, string resource, string flags)
    {
        Assert.True(ModelCatalog.Default.TryFind("phi-4", out var phi));
        var model = phi with { Repository = "own/model", Weights = ByteSize.ParseGi(weights) };
        Assert.True(WorkspaceParser.Parse(
            WorkloadCases.Workspace("own/model", FourA100), new(ModelCatalog.Default.With(model), SkuCatalog.Azure))
            .TryGet(out var workspace, out var errors), string.Join('\n', errors));

        var command = VllmArguments.Of(
            workspace, Assert.IsType<Kaito.Core.Workspaces.InferenceWorkload.Preset>(workspace.Inference),
            new() { Terms = [], GpuResource = resource, Gpus = 4 }, new() { Image = "i" });

        Assert.Equal(flags, string.Join(' ', command.Where(static a =>
            a.Contains("parallel", StringComparison.Ordinal) || a.Contains("kv-cache-cpu", StringComparison.Ordinal))));
    }

    [Fact]
    public void Plan_Vllm_ServiceNamesEveryPortUnlessItIsPublic()
    {
        var inside = WorkloadCases.Plan(WorkloadCases.Workspace("phi-4"));
        var outside = WorkloadCases.Plan(
            WorkloadCases.Workspace("phi-4").Annotated(Annotations.EnableLoadBalancer, "True"));

        Assert.Equal(["http 80 5000", "ray 6379 6379", "dashboard 8265 8265", "kv-events 5557 5557"], Ports(inside));
        Assert.Equal(["http 80 5000"], Ports(outside));

        static IEnumerable<string> Ports(WorkspacePlan plan) => plan.Apply.OfType<Service>().First().Spec!.Ports!.Value
            .Select(static p => FormattableString.Invariant($"{p.Name} {p.Port} {p.TargetPort}"));
    }

    [Fact]
    public void Plan_ClaimsOfARunningWorkload_StayWhenTheStorageClassGoes()
    {
        var first = WorkloadCases.Plan(WorkloadCases.Workspace("phi-4"), new() { NvmeClass = "kaito-local-nvme-disk" });
        var running = first.Apply.OfType<StatefulSet>().Single();

        var next = WorkloadCases.Plan(WorkloadCases.Workspace("phi-4"), new() { Workload = running, Owned = [running] });

        Assert.Equal(first.Pods().ToJsonString(), next.Pods().ToJsonString());
        Assert.DoesNotContain(next.Remove, static o => o is StatefulSet);
    }

    [Fact]
    public void Plan_RuntimeChangedByAnnotation_ImageOfTheOtherRuntimeGoes()
    {
        var vllm = WorkloadCases.Workspace("phi-4").With(static i => i with { Runtime = null });
        var running = WorkloadCases.Plan(vllm.Annotated(Annotations.Runtime, "vllm"))
            .Apply.OfType<StatefulSet>().Single();

        var onnx = WorkloadCases.Plan(vllm.Annotated(Annotations.Runtime, "onnx"), new() { Workload = running });

        Assert.Equal(
            "kaito/inference-host:1.0", (string)onnx.Pods()["spec"]!["template"]!["spec"]!["containers"]![0]!["image"]!);
    }

    // Everything of the smaller one is in the larger one, lists element by element.
    private static void AssertContains(JsonNode? smaller, JsonNode? larger, string path)
    {
        switch (smaller)
        {
            case JsonObject members:
                foreach (var (name, value) in members)
                {
                    AssertContains(value, (larger as JsonObject)?[name], $"{path}.{name}");
                }

                break;
            case JsonArray items:
                Assert.True(items.Count == (larger as JsonArray)?.Count, $"{path}: {larger?.ToJsonString()}");
                for (var i = 0; i < items.Count; i++)
                {
                    AssertContains(items[i], larger![i], $"{path}[{i}]");
                }

                break;
            default:
                Assert.True(smaller?.ToString() == larger?.ToString(), $"{path}: {larger?.ToJsonString()}");
                break;
        }
    }

    private static void Match(string name, WorkspaceResource workspace, WorkspaceObservation? observed = null) =>
        Golden.Match(
            WorkloadCases.Plan(workspace, observed).Pods().ToJsonString(s_indented), $"Golden/vllm-{name}.json");
}
