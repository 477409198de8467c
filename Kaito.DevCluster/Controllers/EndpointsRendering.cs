using System.Text.Json.Nodes;
using Kaito.DevCluster.Pods;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>Renders where a Service's pods really listen: 127.0.0.1 and the local port of each.</summary>
internal static class EndpointsRendering
{
    /// <summary>One subset per pod, as each has ports of its own.</summary>
    public static JsonObject Endpoints(JsonObject service, IEnumerable<JsonObject> pods) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Endpoints",
        ["metadata"] = Metadata(service, service.Name, []),
        ["subsets"] = Fields.ListOf(pods.Select(pod => new JsonObject
        {
            [Serves(service, pod) ? "addresses" : "notReadyAddresses"] = new JsonArray(new JsonObject
            {
                ["ip"] = "127.0.0.1",
                ["nodeName"] = pod.Text("spec", "nodeName"),
                ["targetRef"] = Reference(pod),
            }),
            ["ports"] = Ports(service, pod),
        })),
    };

    /// <summary>The slice of one pod.</summary>
    public static JsonObject Slice(JsonObject service, JsonObject pod) => new()
    {
        ["apiVersion"] = "discovery.k8s.io/v1",
        ["kind"] = "EndpointSlice",
        ["metadata"] = Metadata(service, $"{service.Name}-{pod.Uid[..Math.Min(8, pod.Uid.Length)]}", new()
        {
            ["kubernetes.io/service-name"] = service.Name,
            ["endpointslice.kubernetes.io/managed-by"] = "endpointslice-controller.k8s.io",
        }),
        ["addressType"] = "IPv4",
        ["endpoints"] = new JsonArray(new JsonObject
        {
            ["addresses"] = Fields.List("127.0.0.1"),
            ["conditions"] = new JsonObject
            {
                ["ready"] = Serves(service, pod),
                ["serving"] = PodTemplates.IsReady(pod),
                ["terminating"] = pod.Deleting,
            },
            ["nodeName"] = pod.Text("spec", "nodeName"),
            ["targetRef"] = Reference(pod),
        }),
        ["ports"] = Ports(service, pod),
    };

    private static bool Serves(JsonObject service, JsonObject pod) =>
        PodTemplates.IsReady(pod) || service.Flag("spec", "publishNotReadyAddresses");

    private static JsonArray Ports(JsonObject service, JsonObject pod) => Fields.ListOf(service.Objects("spec", "ports")
        .Select(port => (Port: port, Local: PodPorts.Find(pod, port.Text("targetPort") ?? port.Text("port"))))
        .Where(static p => p.Local is not null)
        .Select(static p => new JsonObject
        {
            ["name"] = p.Port.Text("name") ?? "",
            ["port"] = p.Local,
            ["protocol"] = p.Port.Text("protocol") ?? "TCP",
        }));

    private static JsonObject Reference(JsonObject pod) => new()
    {
        ["kind"] = "Pod",
        ["name"] = pod.Name,
        ["namespace"] = pod.Namespace,
        ["uid"] = pod.Uid,
    };

    private static JsonObject Metadata(JsonObject service, string name, JsonObject labels) => new()
    {
        ["name"] = name,
        ["namespace"] = service.Namespace,
        ["labels"] = labels,
        ["ownerReferences"] = new JsonArray(Resources.OwnerReference(service, "v1", "Service")),
    };
}
