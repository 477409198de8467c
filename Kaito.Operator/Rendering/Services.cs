using System.Collections.Immutable;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;

namespace Kaito.Operator.Rendering;

/// <summary>PURE: the addresses of an inference workload.</summary>
internal static class Services
{
    /// <summary>Port on which vLLM tells what its cache holds.</summary>
    public const int KvEvents = 5557;

    public static ImmutableArray<Service> Render(Workspace workspace) =>
    [
        new()
        {
            Metadata = Owned.By(workspace, workspace.Name),
            Spec = new()
            {
                Type = workspace.LoadBalancer ? "LoadBalancer" : "ClusterIP",
                Selector = Replicated(workspace)
                    ? Owned.Selector(workspace)
                    : Owned.Selector(workspace).Add("statefulset.kubernetes.io/pod-name", $"{workspace.Name}-0"),
                Ports = Ports(workspace),
                PublishNotReadyAddresses = Replicated(workspace) ? null : true,
            },
        },
        new()
        {
            Metadata = Owned.By(workspace, $"{workspace.Name}-headless"),
            Spec = new()
            {
                ClusterIP = "None",
                Selector = Owned.Selector(workspace),
                PublishNotReadyAddresses = true,
            },
        },
    ];

    /// <summary>Whether each pod serves the whole model, so that any of them may answer.</summary>
    public static bool Replicated(Workspace workspace) => workspace.Nodes > 1
        && workspace.Inference is Core.Workspaces.InferenceWorkload.Preset { Runtime: not InferenceRuntime.Vllm };

    /// <summary>Drains of nodes take one pod at a time; nothing where there is only one.</summary>
    public static IEnumerable<PodDisruptionBudget> Budgets(Workspace workspace) => workspace.Nodes > 1
        ?
        [
            new()
            {
                Metadata = Owned.By(workspace, workspace.Name),
                Spec = new() { MaxUnavailable = 1, Selector = new() { MatchLabels = PodParts.Labels(workspace) } },
            },
        ]
        : [];

    // Ray and its dashboard ask nobody for a password: outside of the cluster only the model is reached.
    private static ImmutableArray<ServicePort> Ports(Workspace workspace) =>
        workspace.Inference is not Core.Workspaces.InferenceWorkload.Preset { Runtime: InferenceRuntime.Vllm }
        || workspace.LoadBalancer
            ? [Tcp("http", 80, InferenceWorkload.Port)]
            :
            [
                Tcp("http", 80, InferenceWorkload.Port), Tcp("ray", 6379, 6379), Tcp("dashboard", 8265, 8265),
                Tcp("kv-events", KvEvents, KvEvents),
            ];

    private static ServicePort Tcp(string name, int port, int target) =>
        new() { Name = name, Protocol = "TCP", Port = port, TargetPort = target };
}
