using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Pods;

/// <summary>
/// The loopback ports behind the container ports of pods. The pod carries its own map in an annotation, so whoever reads
/// the pod knows where it listens.
/// </summary>
internal static class PodPorts
{
    /// <summary>On a pod: <c>{"5000":41233}</c>, container port to port on 127.0.0.1.</summary>
    public const string Annotation = "kaito.sh/local-ports";

    /// <summary>A free loopback port for each container port of the pod.</summary>
    public static Dictionary<int, int> Allocate(JsonObject pod)
    {
        var ports = new Dictionary<int, int>();
        foreach (var port in Declared(pod).Select(static p => p.Number("containerPort") ?? 0))
        {
            ports[port] = Free();
        }

        return ports;
    }

    /// <summary>The annotation's text.</summary>
    public static string Render(IReadOnlyDictionary<int, int> ports) => new JsonObject(ports
        .OrderBy(static p => p.Key)
        .Select(static p => KeyValuePair.Create(Text(p.Key), (JsonNode?)JsonValue.Create(p.Value)))).ToJsonString();

    /// <summary>The local port of a container port given by number or name; the first one for null. Null when unknown.</summary>
    public static int? Find(JsonObject pod, string? port)
    {
        var declared = Declared(pod).FirstOrDefault(
            p => string.IsNullOrEmpty(port) || p.Text("name") == port || p.Text("containerPort") == port);
        var number = declared?.Text("containerPort") ?? port;
        return Parse(pod).Number(number ?? "");
    }

    private static JsonNode? Parse(JsonObject pod)
    {
        try
        {
            return JsonNode.Parse(pod.Text("metadata", "annotations", Annotation) ?? "{}");
        }
        catch (System.Text.Json.JsonException)
        {
            return null;
        }
    }

    private static IEnumerable<JsonObject> Declared(JsonObject pod) => pod.Objects("spec", "containers")
        .Concat(pod.Objects("spec", "initContainers"))
        .SelectMany(static c => c.Objects("ports"));

    private static int Free()
    {
        using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        probe.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)probe.LocalEndPoint!).Port;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
