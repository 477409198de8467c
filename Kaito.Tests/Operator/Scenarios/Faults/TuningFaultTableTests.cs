using System.Text.Json;
using Kaito.Core.Api;
using Kaito.DevCluster.Controllers;

namespace Kaito.Tests.Operator.Scenarios.Faults;

/// <summary>Tuning Jobs whose attempts fail. Real time; the Job tries again by itself.</summary>
public sealed class TuningFaultTableTests(FaultCluster cluster) : IClassFixture<FaultCluster>
{
    private static readonly JsonElement s_folder = JsonDocument.Parse("""{"emptyDir": {}}""").RootElement;

    private static readonly Fault[] s_faults =
    [
        Pods("the result cannot be pushed", Failed("phi", "push of registry.example.com/out:1: 401 unauthorized"),
            "OutputPushFailed", "push of registry.example.com/out:1", "Next: correct tuning.output.image", "imagePushSecret"),
        Pods("the data cannot be downloaded", Failed("phi", "https://data.example.com/train.parquet: 404"),
            "DownloadFailed", "train.parquet: 404", "Next: correct the addresses"),
        Pods("the data's image cannot be pulled",
            """
            {"phase":"Pending","initContainerStatuses":[{"name":"puller","restartCount":0,
              "state":{"terminated":{"exitCode":1,"message":"registry.example.com/data:1 could not be pulled"}}}]}
            """,
            "ImagePullError", "data:1 could not be pulled", "Next: correct the image", "tuning.input"),
        Pods("the model's token is bad", Failed("phi", "401: model microsoft/Phi-4-mini-instruct at huggingface.co"),
            "ModelAccessDenied", "401: model", "Next: put a token"),
        Pods("the tuner's image cannot be pulled",
            """
            {"phase":"Pending","containerStatuses":[{"name":"phi",
              "state":{"waiting":{"reason":"ErrImagePull","message":"not found"}}}]}
            """,
            "ImagePullError", "ErrImagePull: not found", "Next: correct the image's name"),
        new("the Secret for the push is missing")
        {
            Wanted = Tuned,
            Inject = static run => run.Trouble.Pod = pod =>
            {
                run.Warn(pod, "FailedMount", "MountVolume.SetUp failed for volume \"docker-config\" : secret \"push\" not found");
                return """{"phase":"Pending"}""";
            },
            Expect = (ConditionTypes.JobStarted, "FailedMount", ["secret \"push\" not found", "Next: create the Secret"]),
        },
        new("the training ConfigMap is missing")
        {
            Wanted = static w => Tuned(w) with { Tuning = Tuned(w).Tuning! with { Config = "mine" } },
            Inject = static _ => { },
            Expect = (ConditionTypes.ResourceReady, "WorkspaceInvalid",
                ["tuning.config: ConfigMap \"mine\" is not in namespace", "Create it with the key training_config.yaml"]),
            Heal = static run => run.Create(Resources.ConfigMaps, """
                {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"mine"},
                 "data":{"training_config.yaml":"training_config: {}"}}
                """),
        },
        new("every attempt has failed")
        {
            Wanted = Tuned,
            Inject = static run => run.Trouble.Pod = _ =>
                """
                {"phase":"Failed","containerStatuses":[{"name":"phi","restartCount":0,
                  "state":{"terminated":{"exitCode":1,"message":"CUDA error: no kernel image"}}}]}
                """,
            Expect = (ConditionTypes.WorkspaceSucceeded, "workspaceFailed",
                ["tuning job failed: BackoffLimitExceeded", "CUDA error", "Next: read kubectl logs", "delete the Job to train again"]),
            Heal = static run =>
            {
                run.Trouble.End();
                run.Delete(Resources.Jobs);
            },
        },
    ];

    public static TheoryData<string> Names() => [.. s_faults.Select(static f => f.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public Task Tuning_Fault_IsToldAndOvercome(string name) =>
        FaultRun.RunAsync(cluster, s_faults.Single(f => f.Name == name));

    private static Fault Pods(string name, string status, string reason, params string[] words) => new(name)
    {
        Wanted = Tuned,
        Inject = run => run.Trouble.Pod = _ => status,
        Expect = (ConditionTypes.JobStarted, reason, words),
    };

    // Not over yet: the kubelet has not said that the pod has failed.
    private static string Failed(string container, string message) => $$"""
        {"phase":"Pending","containerStatuses":[{"name":"{{container}}","restartCount":0,
          "state":{"terminated":{"exitCode":1,"reason":"Error","message":"{{message}}"} } }]}
        """;

    private static WorkspaceResource Tuned(WorkspaceResource workspace) => workspace with
    {
        Inference = null,
        Tuning = new()
        {
            Preset = new() { Name = "phi-4-mini-instruct" },
            Method = "lora",
            Input = new() { Urls = ["https://data.example.com/train.parquet"] },
            Output = new() { VolumeSource = s_folder },
        },
    };
}
