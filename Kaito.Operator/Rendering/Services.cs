using System.Collections.Immutable;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;

namespace Kaito.Operator.Rendering;

/// <summary>PURE: the addresses of an inference workload.</summary>
internal static class Services
{
    public static ImmutableArray<Service> Render(Workspace workspace) =>
    [
        new()
        {
            Metadata = Owned.By(workspace, workspace.Name),
            Spec = new()
            {
                Type = workspace.LoadBalancer ? "LoadBalancer" : "ClusterIP",
                Selector = Owned.Selector(workspace)
                    .Add("statefulset.kubernetes.io/pod-name", $"{workspace.Name}-0"),
                Ports = [new() { Name = "http", Protocol = "TCP", Port = 80, TargetPort = InferenceWorkload.Port }],
                PublishNotReadyAddresses = true,
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
}
