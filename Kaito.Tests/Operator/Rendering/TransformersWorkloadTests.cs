using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Workspaces;

namespace Kaito.Tests.Operator.Rendering;

public sealed class TransformersWorkloadTests
{
    private static readonly JsonSerializerOptions s_indented = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    [Fact]
    public void Plan_ModelOfKaito04_MatchesTheGolden() => Golden.Match(
        Plan("falcon-7b-instruct").Pods().ToJsonString(s_indented), "Golden/transformers-falcon.json");

    [Fact]
    public void Plan_CommandLine_IsSortedAndCarriesTheUsersChoices()
    {
        var plan = Plan("my-chat", static p => p with
        {
            PresetOptions = new() { ModelId = "mistralai/Mistral-7B-Instruct-v0.3", TorchDtype = "float16" },
        });

        Assert.Equal(
            "accelerate launch --num_processes=1 --num_machines=1 --machine_rank=0 --gpu_ids=all "
            + "/workspace/tfs/inference_api.py --allow_remote_files "
            + "--chat_template=/workspace/chat_templates/mistral-instruct.jinja --pipeline=text-generation "
            + "--pretrained_model_name_or_path=mistralai/Mistral-7B-Instruct-v0.3 --served_model_name=my-chat "
            + "--torch_dtype=float16",
            plan.Pods().CommandLine());
    }

    [Fact]
    public void Plan_AdapterWithStrength_IsAVariableOfItsName()
    {
        var plan = WorkloadCases.Plan(WorkloadCases.Workspace("phi-3-mini-4k-instruct").With(static i => i with
        {
            Runtime = "huggingface",
            Adapters =
            [
                new() { Source = new() { Name = "poet", Image = "registry.example.com/poet:1" }, Strength = "0.25" },
                new() { Source = new() { Name = "full", Image = "registry.example.com/full:1" }, Strength = "1.0" },
            ],
        }));

        Assert.Equal(
            ["poet=0.25"],
            Container(plan)["env"]!.AsArray().Select(static e => $"{e!["name"]}={e["value"]}"));
    }

    [Fact]
    public void Plan_SeveralPods_EachServesAndOneAtATimeIsTaken()
    {
        var workspace = WorkloadCases.Workspace("falcon-7b").With(static i => i with { Runtime = "huggingface", Replicas = 3 });

        var plan = WorkloadCases.Plan(workspace);

        Assert.Equal(3, (int)plan.Pods()["spec"]!["replicas"]!);
        Assert.Equal("/health", (string?)Container(plan)["readinessProbe"]!["httpGet"]!["path"]);
        Assert.Equal("accelerate", (string?)Container(plan)["command"]![0]);
        Assert.Equal(["kaito.sh/workspace"], plan.Apply.OfType<Service>().First().Spec!.Selector!.Keys);
        Assert.Equal(1, Assert.Single(plan.Apply.OfType<PodDisruptionBudget>()).Spec!.MaxUnavailable);
    }

    [Theory]
    [InlineData("llama-3.3-70b-instruct", "vllm", 1)]
    [InlineData("phi-4", "vllm", 0)]
    [InlineData("phi-4", "onnx", 0)]
    public void Plan_WorkloadOfSeveralPods_HasABudget(string preset, string runtime, int budgets)
    {
        var plan = WorkloadCases.Plan(WorkloadCases.Workspace(preset).With(i => i with { Runtime = runtime }));

        Assert.Equal(budgets, plan.Apply.OfType<PodDisruptionBudget>().Count());
    }

    [Fact]
    public void Plan_OnnxWithLocalWeights_ReadsTheNodesFolder()
    {
        var plan = WorkloadCases.Plan(WorkloadCases.Workspace("falcon-7b").With(static i => i with { Runtime = "onnx" })
            .Annotated(Annotations.UseLocalWeights, "true"));

        const string Folder = "/opt/kaito/models/falcon-7b";
        Assert.Contains($"\"modelPath\": \"{Folder}\"", Assert.Single(plan.Apply.OfType<ConfigMap>()).Data!["inference.json"],
            StringComparison.Ordinal);
        Assert.Equal(Folder, (string?)Container(plan)["env"]!.AsArray()
            .Single(static e => (string?)e!["name"] == "KAITO_MODEL_PATH")!["value"]);
        Assert.Equal(Folder, (string?)plan.Pods()["spec"]!["template"]!["spec"]!["volumes"]!.AsArray()
            .Single(static v => (string?)v!["name"] == "model-weights-hostpath")!["hostPath"]!["path"]);
    }

    private static WorkspacePlan Plan(string preset, Func<PresetSpec, PresetSpec>? change = null) =>
        WorkloadCases.Plan(WorkloadCases.Workspace(preset).With(i => i with
        {
            Runtime = "huggingface",
            Preset = (change ?? (static p => p))(i.Preset!),
        }));

    private static JsonNode Container(WorkspacePlan plan) =>
        plan.Pods()["spec"]!["template"]!["spec"]!["containers"]![0]!;
}
