using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Rendering;

namespace Kaito.Tests.Operator.Rendering;

public sealed class UpstreamTuningJobTests
{
    private static readonly JsonSerializerOptions s_indented = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly JsonElement s_claim =
        WorkloadCases.Element("""{"persistentVolumeClaim": {"claimName": "all"}}""");

    [Fact]
    public void Plan_UrlsToImage_MatchesTheGolden()
    {
        var plan = WorkloadCases.Plan(Workspace(
            "phi-3.5-mini-instruct", "QLoRA", new() { Urls = ["https://example.com/a.csv", "https://example.com/b.csv?x=1"] },
            new() { Image = "team/out", ImagePushSecret = "push" }));

        Golden.Match(
            plan.Apply.OfType<ConfigMap>().Single().Data!["training_config.yaml"] + "---\n"
            + WorkloadCases.Json(plan.Apply.OfType<Job>().Single()).ToJsonString(s_indented),
            "Golden/upstream-tuning-urls-to-image.json");
    }

    [Fact]
    public void Plan_ImageToVolumeWithSettings_MountsWhatTheUserNames()
    {
        var plan = WorkloadCases.Plan(
            Workspace(
                "mistral-7b", "lora", new() { Image = "registry.example.com/data:1", ImagePullSecrets = ["pull"] },
                new() { VolumeSource = s_claim }, "mine"),
            new() { UserConfig = Settings("training_config: {TrainingArguments: {output_dir: out/a}}") });

        var pod = WorkloadCases.Json(Assert.Single(plan.Apply.OfType<Job>()))["spec"]!["template"]!["spec"]!;
        Assert.Empty(plan.Apply.OfType<ConfigMap>());
        Assert.Equal(["model-weights-downloader", "puller"], Names(pod["initContainers"]!));
        Assert.Equal("mcr.microsoft.com/aks/kaito/kaito-mistral-7b:0.2.0", (string?)pod["initContainers"]![0]!["command"]![2]);
        Assert.Equal(["ws"], Names(pod["containers"]!));
        Assert.Equal(["/mnt/out/a"], pod["containers"]![0]!["volumeMounts"]!.AsArray()
            .Where(static m => (string?)m!["name"] == "results-volume").Select(static m => (string?)m!["mountPath"]));
        Assert.Equal("mine", (string?)Volume(pod, "config-volume")["configMap"]!["name"]);
        Assert.Equal("all", (string?)Volume(pod, "results-volume")["persistentVolumeClaim"]!["claimName"]);
        Assert.DoesNotContain("DEFAULT_TARGET_MODULES", pod["containers"]![0]!["env"]!.ToJsonString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("falcon-7b", "Upstream's tuner has no weights of tiiuae/falcon-7b.", "to onnx")]
    [InlineData("gpt-oss-20b", "Upstream's tuner has no weights of openai/gpt-oss-20b.", "Choose another preset")]
    public void Plan_ModelThatUpstreamDoesNotTune_IsRefused(string preset, string message, string action)
    {
        var plan = WorkloadCases.Plan(
            Workspace(preset, "lora", new() { VolumeSource = s_claim }, new() { VolumeSource = s_claim }));

        Assert.Contains(message, plan.Conditions[0].Message, StringComparison.Ordinal);
        Assert.Contains(action, plan.Conditions[0].Message, StringComparison.Ordinal);
        Assert.Empty(plan.Apply);
    }

    // Section 5.8 of the specification, both columns.
    [Theory]
    [InlineData(false, "load_in_4bit: false")]
    [InlineData(true, "load_in_4bit: true bnb_4bit_quant_type: nf4 bnb_4bit_compute_dtype: bfloat16 bnb_4bit_use_double_quant: true")]
    public void Defaults_OfTheMethod_AreThoseOfTheTable(bool quantized, string quantization)
    {
        var settings = Yaml.ToJson(quantized ? UpstreamTuningJob.QloraDefaults : UpstreamTuningJob.LoraDefaults)!["training_config"]!;

        Assert.Equal(
            "DataCollator: mlm: true | DatasetConfig: shuffle_dataset: true train_test_split: 1 | "
            + "LoraConfig: r: 8 lora_alpha: 8 lora_dropout: 0 | "
            + "ModelConfig: torch_dtype: bfloat16 local_files_only: true device_map: auto | "
            + $"QuantizationConfig: {quantization} | TrainingArguments: output_dir: /mnt/results "
            + "ddp_find_unused_parameters: false save_strategy: no per_device_train_batch_size: 1",
            string.Join(" | ", settings.AsObject().OrderBy(static s => s.Key, StringComparer.Ordinal).Select(static s =>
                $"{s.Key}: {string.Join(' ', s.Value!.AsObject().Select(static v => $"{v.Key}: {v.Value}"))}")));
    }

    [Theory]
    [InlineData("out", "docker.io/library/out:latest")]
    [InlineData("team/out:2", "docker.io/team/out:2")]
    [InlineData("registry.example.com/out", "registry.example.com/out:latest")]
    [InlineData("localhost:5000/a/out:1", "localhost:5000/a/out:1")]
    [InlineData("localhost/out@sha256:abc", "localhost/out@sha256:abc")]
    public void Normalized_Reference_IsReadAsDockerDoes(string reference, string normalized) =>
        Assert.Equal(normalized, AdapterPusher.Normalized(reference));

    private static WorkspaceResource Workspace(
        string preset, string method, DataSource input, DataDestination output, string? config = null) =>
        (WorkloadCases.Workspace("") with
        {
            Inference = null,
            Tuning = new() { Preset = new() { Name = preset }, Method = method, Config = config, Input = input, Output = output },
        }).Annotated(Annotations.Runtime, "transformers");

    private static ConfigMap Settings(string text) => new()
    {
        Data = ImmutableSortedDictionary<string, string>.Empty.Add("training_config.yaml", text),
    };

    private static IEnumerable<string?> Names(JsonNode items) => items.AsArray().Select(static i => (string?)i!["name"]);

    private static JsonNode Volume(JsonNode pod, string name) =>
        pod["volumes"]!.AsArray().Single(v => (string?)v!["name"] == name)!;
}
