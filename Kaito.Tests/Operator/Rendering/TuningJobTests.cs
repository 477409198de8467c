using System.Collections.Immutable;
using System.Text.Json;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;

namespace Kaito.Tests.Operator.Rendering;

public sealed class TuningJobTests
{
    private static readonly JsonSerializerOptions s_indented = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly ConfigMap s_config = new()
    {
        Data = ImmutableSortedDictionary<string, string>.Empty.Add("training_config.yaml", "training_config: {QuantizationConfig: {load_in_8bit: true}}"),
    };

    [Fact]
    public void Plan_UrlsToImage_MatchesTheGolden() => Match(
        "urls-to-image", Workspace(
            new() { Urls = ["https://example.com/a.jsonl"] },
            new() { Image = "registry.example.com/out:1", ImagePushSecret = "push" }, config: "mine"));

    [Fact]
    public void Plan_ImageToVolume_MatchesTheGolden() => Match(
        "image-to-volume", Workspace(
            new() { Image = "registry.example.com/data:1", ImagePullSecrets = ["pull"] },
            new()
            {
                VolumeSource = WorkloadCases.Element("""{"persistentVolumeClaim": {"claimName": "adapters"}}"""),
            }));

    [Fact]
    public void Plan_ConfigMapMissing_NamesItAndMakesNoJob()
    {
        var plan = WorkloadCases.Plan(Volumes(config: "mine"));

        Assert.Empty(plan.Apply);
        Assert.StartsWith(
            "tuning.config: ConfigMap \"mine\" is not in namespace \"team\". ", plan.Conditions[0].Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_JobOfThisRevision_IsNotAppliedAgain()
    {
        var job = Made(new());

        var plan = WorkloadCases.Plan(Volumes(), new() { Job = job, Owned = [job] });

        Assert.DoesNotContain(plan.Apply, static o => o is Job);
        Assert.Empty(plan.Remove.OfType<Job>());
    }

    [Fact]
    public void Plan_JobOfAnotherRevision_GoesBeforeTheNextComes()
    {
        var job = Made(new());
        job = job with
        {
            Metadata = job.Metadata with
            {
                Annotations = job.Metadata.Annotations!.SetItem(Annotations.Revision, "7"),
            },
        };

        var plan = WorkloadCases.Plan(Volumes(), new() { Job = job, Owned = [job] });

        Assert.Same(job, Assert.Single(plan.Remove.OfType<Job>()));
        Assert.DoesNotContain(plan.Apply, static o => o is Job);
    }

    [Theory]
    [InlineData("""{}""", "Pending", "False", "WorkspaceTuningJobStatusPending", "workspacePending")]
    [InlineData("""{"active": 1}""", "Pending", "False", "WorkspaceTuningJobStatusPending", "workspacePending")]
    [InlineData(
        """{"active": 1, "ready": 1}""", "Running", "True", "WorkspaceTuningJobStatusStarted", "workspacePending")]
    [InlineData(
        """{"active": 1, "ready": 1, "failed": 2}""", "Running", "True", "WorkspaceTuningJobStatusStarted",
        "workspacePending")]
    [InlineData(
        """{"succeeded": 1, "failed": 1}""", "Succeeded", "True", "WorkspaceTuningJobStatusStarted",
        "workspaceSucceeded")]
    [InlineData(
        """{"failed": 7, "conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}""",
        "Failed", "False", "WorkspaceTuningJobStatusFailed", "workspaceFailed")]
    public void Plan_JobStatus_FailsOnlyWhenTheJobHas(
        string status, string state, string started, string reason, string succeeded)
    {
        var job = Made(JsonSerializer.Deserialize(status, KubeJson.Default.JobStatus)!);

        var plan = WorkloadCases.Plan(Volumes(), new() { Job = job, Owned = [job] });

        var condition = plan.Conditions.Single(static c => c.Type == ConditionTypes.JobStarted);
        Assert.Equal((state, started, reason), (plan.State, condition.Status, condition.Reason));
        Assert.Equal(succeeded, plan.Conditions.Single(static c => c.Type == ConditionTypes.WorkspaceSucceeded).Reason);
    }

    [Fact]
    public void Plan_ImageOfTheTunerMissing_SaysSoAndHasNotStarted()
    {
        var job = Made(new() { Active = 1 });
        var pod = new Pod
        {
            Metadata = new() { Name = "ws-abcde" },
            Status = new()
            {
                Phase = "Pending",
                ContainerStatuses =
                [
                    new() { Name = "ws", State = new() { Waiting = new() { Reason = "ErrImagePull", Message = "none" } } },
                ],
            },
        };

        var plan = WorkloadCases.Plan(Volumes(), new() { Job = job, Owned = [job], Pods = [pod] });

        var condition = plan.Conditions.Single(static c => c.Type == ConditionTypes.JobStarted);
        Assert.Equal(("False", "ImagePullError"), (condition.Status, condition.Reason));
        Assert.StartsWith("ws-abcde/ws: ErrImagePull: none. Next: ", condition.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_Replicas_AllServeBehindTheServiceWithABudget()
    {
        var plan = WorkloadCases.Plan(WorkloadCases.Workspace("phi-3.5-mini-instruct").With(
            static i => i with { Runtime = "onnx", Replicas = 3 }));

        Assert.Equal(3, (int)plan.Pods()["spec"]!["replicas"]!);
        var service = plan.Apply.OfType<Service>().First().Spec!;
        Assert.Equal(["kaito.sh/workspace"], service.Selector!.Keys);
        Assert.Null(service.PublishNotReadyAddresses);
        Assert.Equal(1, Assert.Single(plan.Apply.OfType<PodDisruptionBudget>()).Spec!.MaxUnavailable);
    }

    [Fact]
    public void Plan_ReplicasOfVllm_PointsToInferenceSets()
    {
        var plan = WorkloadCases.Plan(WorkloadCases.Workspace("phi-4").With(static i => i with { Replicas = 2 }));

        Assert.StartsWith(
            "inference.replicas: 2 replicas are served by runtimes onnx and huggingface only.", plan.Conditions[0].Message,
            StringComparison.Ordinal);
    }

    private static Job Made(JobStatus status) =>
        WorkloadCases.Plan(Volumes()).Apply.OfType<Job>().Single() with { Status = status };

    private static WorkspaceResource Volumes(string? config = null)
    {
        var volume = WorkloadCases.Element("""{"persistentVolumeClaim": {"claimName": "all"}}""");
        return Workspace(new() { VolumeSource = volume }, new() { VolumeSource = volume }, config);
    }

    private static WorkspaceResource Workspace(DataSource input, DataDestination output, string? config = null) =>
        WorkloadCases.Workspace("") with
        {
            Inference = null,
            Tuning = new()
            {
                Preset = new() { Name = "phi-4-mini-instruct", PresetOptions = new() { ModelAccessSecret = "hub" } },
                Method = "QLoRA",
                Config = config,
                Input = input,
                Output = output,
            },
        };

    private static void Match(string name, WorkspaceResource workspace)
    {
        var plan = WorkloadCases.Plan(workspace, new() { UserConfig = s_config });
        var settings = plan.Apply.OfType<ConfigMap>().Single();
        Golden.Match(
            settings.Data!["tuning.json"] + "\n---\n"
            + WorkloadCases.Json(plan.Apply.OfType<Job>().Single()).ToJsonString(s_indented),
            $"Golden/tuning-{name}.json");
    }
}
