using System.Collections.Immutable;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Workspaces;

/// <summary>PURE: what somebody can do about a pod that does not run. Each sentence begins with a verb.</summary>
internal static class NextSteps
{
    public const string ForMemory =
        "choose a resource.instanceType with more memory, or lower max-model-len in the ConfigMap of inference.config";

    private const string Token =
        "put a token that may read the model into the key HF_TOKEN of the Secret that "
        + "inference.preset.presetOptions.modelAccessSecret names, and accept the model's terms at its hub";

    private static readonly ImmutableArray<string> s_denied =
        ["401", "403", "unauthorized", "forbidden", "denied", "gated", "authentication required"];

    // Of a model's hub, not of a registry or of the user's own server.
    private static readonly ImmutableArray<string> s_hub = ["gated", "huggingface", "hf_token", "repository", "model"];

    // By the words of the scheduler; the first hit counts.
    private static readonly ImmutableArray<(string Word, string Step)> s_scheduling =
    [
        ("taint", "remove the taint from the node, or give it one that the pods tolerate (sku=gpu:NoSchedule)"),
        ("persistentvolumeclaim", "create the StorageClass that the claim names, or provide a volume for it"),
        ("storageclass", "create the StorageClass that the claim names, or provide a volume for it"),
        ("insufficient nvidia.com/gpu", "free GPUs of the node, or add a node with enough of them"),
        ("insufficient", "free the resource on the node, or choose a larger resource.instanceType"),
        ("affinity", "label a node with what resource.labelSelector asks for"),
        ("not ready", "repair the node"),
    ];

    private static readonly ImmutableArray<(string Word, string Step)> s_warnings =
    [
        ("exceeded quota", "raise the ResourceQuota of the namespace, or delete what uses it up"),
        ("serviceaccount", "create the ServiceAccount in the namespace"),
        ("service account", "create the ServiceAccount in the namespace"),
        ("podsecurity", "allow such pods in the namespace (label pod-security.kubernetes.io/enforce)"),
        ("secret", "create the Secret in the namespace, with the keys that the message names"),
        ("configmap", "create the ConfigMap in the namespace, with the keys that the message names"),
        ("storageclass", "create the StorageClass, or provide a volume for the claim"),
    ];

    // What the kubelet, the scheduler and the workloads' controllers call a failure that they try again.
    private static readonly ImmutableHashSet<string> s_reasons =
    [
        "FailedCreate", "FailedMount", "FailedAttachVolume", "FailedScheduling", "FailedCreatePodSandBox",
        "ProvisioningFailed", "FailedBinding",
    ];

    /// <summary>The log of the run before, if there was one.</summary>
    public static string Log(string pod) => $"kubectl logs {pod} --all-containers (and --previous)";

    /// <param name="why">The kubelet's reason and message.</param>
    public static string ForImage(string why) => Has(why, "InvalidImageName")
        ? "correct the image's name"
        : s_denied.Any(word => Has(why, word))
            ? "grant the node or an image pull secret the right to pull, or correct the image's name"
            : "correct the image's name or make its registry reachable; the pod tries again by itself";

    /// <param name="why">The kubelet's reason and message.</param>
    public static string ForStart(string why) => First(s_warnings, why)
        ?? "correct what the message names; the pod tries again by itself";

    /// <summary>A reason and the step, for a container that ended with an error.</summary>
    /// <param name="container">Its name says what it was for.</param>
    /// <param name="pod">Where its log is.</param>
    /// <param name="why">What it said last.</param>
    public static (string Reason, string Step) ForFailure(string container, string pod, string why)
    {
        var denied = s_denied.Any(word => Has(why, word));
        if (container.StartsWith("puller", StringComparison.Ordinal))
        {
            return ("ImagePullError", "correct the image of the adapter or of tuning.input, or create the Secret that "
                + "imagePullSecrets names with credentials of its registry");
        }

        if (Has(why, "push") && (denied || Has(why, "image") || Has(why, "registry")))
        {
            return ("OutputPushFailed", "correct tuning.output.image, or put credentials that may push into the Secret "
                + "that tuning.output.imagePushSecret names");
        }

        if (denied && s_hub.Any(word => Has(why, word)))
        {
            return ("ModelAccessDenied", Token);
        }

        return Has(why, "download") || Has(why, "http://") || Has(why, "https://")
            ? ("DownloadFailed", "correct the addresses that the message names (tuning.input.urls), or make them reachable")
            : ("ContainerCrashLoopBackOff", $"read {Log(pod)}");
    }

    public static string ForEviction(string reason) => reason switch
    {
        "NodeDiskPressure" => "free disk space on the node, or choose a resource.instanceType with more",
        "NodeMemoryPressure" => "free memory on the node, or choose a resource.instanceType with more",
        _ => "read kubectl describe pod; the workload makes another pod by itself",
    };

    public static string ForScheduling(string why) =>
        First(s_scheduling, why) ?? "read kubectl describe pod; the pod is scheduled by itself when a node fits";

    /// <summary>Null for events that tell of no failure.</summary>
    public static string? ForWarning(KubeEvent warning) => warning.Reason is { } reason && s_reasons.Contains(reason)
        ? First(s_warnings, warning.Message ?? "") ?? First(s_scheduling, warning.Message ?? "")
            ?? "correct what the message names; it is tried again by itself"
        : null;

    private static string? First(ImmutableArray<(string Word, string Step)> steps, string text) =>
        steps.FirstOrDefault(s => Has(text, s.Word)).Step;

    private static bool Has(string text, string word) => text.Contains(word, StringComparison.OrdinalIgnoreCase);
}
