using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.Tests.Operator.Scenarios.Faults;

/// <summary>Pods that do not run, and objects that somebody takes away or has taken before us. Real time.</summary>
public sealed class WorkloadFaultTableTests(FaultCluster cluster) : IClassFixture<FaultCluster>
{
    private const string Inference = ConditionTypes.InferenceReady;

    private static readonly Fault[] s_faults =
    [
        Pods("the image cannot be pulled", Waiting("ImagePullBackOff", "Back-off pulling image kaito/inference-host:latest"),
            "ImagePullError", "phi-0/host: ImagePullBackOff: Back-off pulling", "Next: correct the image's name or make its registry"),
        Pods("the registry denies the image", Waiting("ErrImagePull", "pull access denied, authorization failed"),
            "ImagePullError", "access denied", "Next: grant the node or an image pull secret the right to pull"),
        Pods("the image's name is bad", Waiting("InvalidImageName", "couldn't parse image reference"),
            "ImagePullError", "InvalidImageName", "Next: correct the image's name"),
        Pods("a Secret of a variable is missing", Waiting("CreateContainerConfigError", "secret \"token\" not found"),
            "ContainerStartError", "secret \"token\" not found", "Next: create the Secret"),
        Pods("the container ends again and again", Crashed(1, "no such file: model.onnx"),
            "ContainerCrashLoopBackOff", "restarted 3 times: no such file", "Next: read kubectl logs phi-0"),
        Pods("the container runs again after a failure", Running(started: false, last: (1, "bad cast")),
            "ContainerCrashLoopBackOff", "restarted 3 times: bad cast", "Next: read kubectl logs phi-0"),
        Pods("the container ran out of memory", Crashed(137, "", "OOMKilled"),
            "ContainerOOMKilled", "phi-0/host ran out of memory", "Next: choose a resource.instanceType with more memory"),
        Pods("the token is bad", Crashed(1, "401 Unauthorized: https://huggingface.co/meta-llama/Llama"),
            "ModelAccessDenied", "401 Unauthorized", "Next: put a token that may read the model into the key HF_TOKEN"),
        Pods("the model is gated and there is no Secret", Crashed(1, "403: access to model meta-llama/Llama is gated"),
            "ModelAccessDenied", "is gated", "Next: put a token", "modelAccessSecret", "accept the model's terms"),
        Pods("the startup probe never succeeds", Running(started: false),
            "WorkspaceInferenceStatusPending", "its startup probe has not succeeded", "Next: wait while the model loads, or read"),
        Pods("the startup probe has ended the container", Running(started: false, last: (137, "")),
            "ContainerCrashLoopBackOff", "restarted 3 times: exit code 137", "Next: read kubectl logs phi-0"),
        Pods("the readiness probe fails while it serves", Running(started: true),
            "WorkspaceInferenceStatusPending", "its readiness probe fails", "Next: wait") with { Serving = true },
        Pods("the claim of local disks has no StorageClass",
            """
            {"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable",
             "message":"0/2 nodes: storageclass.storage.k8s.io \"kaito-local-nvme-disk\" not found"}]}
            """,
            "Unschedulable", "kaito-local-nvme-disk", "Next: create the StorageClass"),
        Pods("the claim is not bound",
            """
            {"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable",
             "message":"0/2 nodes: pod has unbound immediate PersistentVolumeClaims"}]}
            """,
            "Unschedulable", "unbound immediate", "Next: create the StorageClass"),
        Pods("the pod is evicted",
            """{"phase":"Failed","reason":"Evicted","message":"The node was low on resource: ephemeral-storage"}""",
            "NodeDiskPressure", "ephemeral-storage", "Next: free disk space") with { Serving = true },
        Pods("an adapter's image cannot be pulled",
            """
            {"phase":"Pending","initContainerStatuses":[{"name":"puller-poet","ready":false,"restartCount":2,
              "state":{"waiting":{"reason":"CrashLoopBackOff"}},
              "lastState":{"terminated":{"exitCode":1,"reason":"Error","message":"registry/poet:1 could not be pulled"}}}],
             "containerStatuses":[{"name":"host","state":{"waiting":{"reason":"PodInitializing"}}}]}
            """,
            "ImagePullError", "poet:1 could not be pulled", "Next: correct the image of the adapter", "imagePullSecrets"),
        new("the namespace's quota is used up")
        {
            Inject = Refuse("pods", "exceeded quota: gpus, requested: requests.nvidia.com/gpu=1, used: 0, limited: 0"),
            Expect = (Inference, "FailedCreate", ["exceeded quota: gpus", "Next: raise the ResourceQuota"]),
        },
        new("the ServiceAccount is missing")
        {
            Inject = Refuse("pods", "error looking up service account default: serviceaccount \"default\" not found"),
            Expect = (Inference, "FailedCreate", ["looking up service account", "Next: create the ServiceAccount"]),
        },
        new("the volume's Secret is missing")
        {
            Inject = static run => run.Trouble.Pod = pod =>
            {
                run.Warn(pod, "FailedMount", "MountVolume.SetUp failed for volume \"x\" : secret \"push\" not found");
                return """{"phase":"Pending","containerStatuses":[{"name":"host","state":{"waiting":{"reason":"ContainerCreating"}}}]}""";
            },
            Expect = (Inference, "FailedMount", ["secret \"push\" not found", "Next: create the Secret"]),
        },
        new("the ConfigMap is missing")
        {
            Wanted = Configured,
            Inject = static _ => { },
            Expect = (ConditionTypes.ResourceReady, "WorkspaceInvalid",
                ["inference.config: ConfigMap \"mine\" is not in namespace", "Create it with the key inference_config.yaml"]),
            Heal = static run => run.Create(Resources.ConfigMaps, Map("vllm: { max-model-len: 1024 }")),
        },
        new("the ConfigMap is no YAML")
        {
            Wanted = Configured,
            Inject = static run => run.Create(Resources.ConfigMaps, Map("vllm: {")),
            Expect = (ConditionTypes.ResourceReady, "WorkspaceInvalid", ["ConfigMap \"mine\" is not YAML at line"]),
            Heal = Rewrite("vllm: { max-model-len: 1024 }"),
        },
        new("a setting of the ConfigMap is wrong")
        {
            Wanted = Configured,
            Inject = static run => run.Create(Resources.ConfigMaps, Map("vllm: { max-model-len: many }")),
            Expect = (ConditionTypes.ResourceReady, "WorkspaceInvalid", ["vllm.max-model-len", "Write a whole number"]),
            Heal = Rewrite("vllm: { max-model-len: 1024 }"),
        },
        new("an immutable field was changed, and neither the CRD's rules nor a webhook kept it")
        {
            Serving = true,
            Inject = static run => Edit(run, "phi-4"),
            Expect = (ConditionTypes.ResourceReady, "WorkspaceInvalid", ["inference.preset: field is immutable", "Keep it"]),
            Heal = static run => Edit(run, "phi-3.5-mini-instruct"),
            After = static run => Assert.Single(run.Store.List(Resources.StatefulSets, run.Namespace, ObjectSelector.Everything).Items),
        },
        new("the StatefulSet is deleted by hand")
        {
            Serving = true,
            // The pods that replace the old ones take their time: repaired at once, nothing would need to be told.
            Inject = static run =>
            {
                var old = run.Store.List(Resources.Pods, run.Namespace, ObjectSelector.Everything).Items
                    .Select(static pod => pod.Uid).ToHashSet();
                run.Trouble.Pod = pod => old.Contains(pod.Uid) ? null : """{"phase":"Pending"}""";
                run.Delete(Resources.StatefulSets);
            },
            Expect = (Inference, "WorkspaceInferenceStatusPending", ["Inference workload is not ready"]),
            After = static run => Assert.NotNull(run.Store.Get(run.Key(Resources.StatefulSets))),
        },
        new("the Service is deleted by hand")
        {
            Serving = true,
            Harmless = true,
            Inject = static run => run.Delete(Resources.Services),
            Heal = static run => run.Wait(() => run.Store.Get(run.Key(Resources.Services)) is not null, "the Service is back"),
        },
        new("the Service is deleted and cannot be made again")
        {
            Serving = true,
            Inject = static run =>
            {
                Refuse("services", "exceeded quota: services, used: 5, limited: 5")(run);
                run.Delete(Resources.Services);
            },
            Expect = (Inference, "ApplyFailed", ["Service phi cannot be written", "exceeded quota: services", "Next: correct"]),
        },
        new("the StatefulSet is refused")
        {
            Inject = Refuse("statefulsets", "denied by policy no-gpus"),
            Expect = (Inference, "ApplyFailed", ["StatefulSet phi cannot be written", "denied by policy", "Next: correct"]),
        },
        Taken("StatefulSet", Resources.StatefulSets, """
            "spec":{"replicas":1,"serviceName":"x","selector":{"matchLabels":{"a":"b"}},
             "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"theirs"}]}}}
            """, "apps/v1"),
        Taken("Service", Resources.Services, """
            "spec":{"ports":[{"port":1}],"selector":{"a":"b"}}
            """),
        Taken("ConfigMap", Resources.ConfigMaps, """
            "data":{"theirs":"1"}
            """, name: "phi-inference-settings"),
    ];

    public static TheoryData<string> Names() => [.. s_faults.Select(static f => f.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public Task Workload_Fault_IsToldAndOvercome(string name) =>
        FaultRun.RunAsync(cluster, s_faults.Single(f => f.Name == name));

    private static Fault Pods(string name, string status, string reason, params string[] words) => new(name)
    {
        Inject = run => run.Trouble.Pod = _ => status,
        Expect = (Inference, reason, words),
    };

    // Somebody else's object, which even carries our label; it must stay as it is.
    private static Fault Taken(
        string kind, GroupResource resource, string content, string version = "v1", string name = "phi") =>
        new($"a {kind} of somebody else has the name")
        {
            Inject = run => run.Create(resource, $$"""
                {"apiVersion":"{{version}}","kind":"{{kind}}",
                 "metadata":{"name":"{{name}}","labels":{"kaito.sh/workspace":"phi"} },{{content}}}
                """),
            Expect = (Inference, "NameTaken",
                [$"{kind} row-", $"/{name} is there already", $"Next: delete that {kind}, or give the Workspace another name"]),
            Heal = run =>
            {
                Assert.Null(run.Store.Get(run.Key(resource, name))!["metadata"]!["ownerReferences"]);
                run.Delete(resource, name);
            },
        };

    private static Action<FaultRun> Refuse(string plural, string why) => run =>
        run.Trouble.Refusal = (type, item) => type.Plural == plural && item.Namespace == run.Namespace ? why : null;

    private static void Edit(FaultRun run, string preset)
    {
        run.Trouble.Unchecked = true;
        run.Store.Modify(run.Workspace, workspace => workspace.Child("inference", "preset")["name"] = preset);
        run.Trouble.Unchecked = false;
    }

    private static Action<FaultRun> Rewrite(string config) => run => run.Store.Modify(
        run.Key(Resources.ConfigMaps, "mine"), map => map.Child("data")["inference_config.yaml"] = config);

    private static WorkspaceResource Configured(WorkspaceResource workspace) =>
        workspace with { Inference = workspace.Inference! with { Config = "mine" } };

    private static string Map(string config) => new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "ConfigMap",
        ["metadata"] = new JsonObject { ["name"] = "mine" },
        ["data"] = new JsonObject { ["inference_config.yaml"] = config },
    }.ToJsonString();

    private static string Waiting(string reason, string message) => Container(new()
    {
        ["waiting"] = new JsonObject { ["reason"] = reason, ["message"] = message },
    });

    private static string Crashed(int code, string message, string reason = "Error") => Container(
        new() { ["waiting"] = new JsonObject { ["reason"] = "CrashLoopBackOff" } }, (code, message, reason));

    private static string Running(bool started, (int Code, string Message)? last = null) => Container(
        new() { ["running"] = new JsonObject() }, last is { } end ? (end.Code, end.Message, "Error") : null, started);

    private static string Container(
        JsonObject state, (int Code, string Message, string Reason)? last = null, bool started = false) => new JsonObject
        {
            ["phase"] = "Running",
            ["conditions"] = new JsonArray(new JsonObject { ["type"] = "Ready", ["status"] = "False" }),
            ["containerStatuses"] = new JsonArray(new JsonObject
            {
                ["name"] = "host",
                ["ready"] = false,
                ["started"] = started,
                ["restartCount"] = last is null ? 0 : 3,
                ["state"] = state,
                ["lastState"] = last is not { } end ? null : new JsonObject
                {
                    ["terminated"] = new JsonObject
                    {
                        ["exitCode"] = end.Code,
                        ["reason"] = end.Reason,
                        ["message"] = end.Message,
                    },
                },
            }),
        }.ToJsonString();
}
