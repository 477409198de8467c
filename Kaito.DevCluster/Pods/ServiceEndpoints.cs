using System.Text.Json.Nodes;
using Kaito.DevCluster.Api;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Pods;

/// <summary>Finds the local port behind a Service or a pod; reads the store each time, so it is never stale.</summary>
internal sealed class ServiceEndpoints(IClusterStore store) : IServiceEndpoints
{
    private int _turn;

    public Uri? FindService(string ns, string service, string? port)
    {
        var found = store.Get(new(Resources.Services, ns, service));
        var ports = found is null ? [] : found.Objects("spec", "ports").ToArray();
        var wanted = ports.FirstOrDefault(p => string.IsNullOrEmpty(port) || p.Text("name") == port || p.At("port").Text() == port);
        return found is not null && wanted is not null && FindLocalPort(found, wanted) is { } local ? Address(local) : null;
    }

    public Uri? FindPod(string ns, string pod, string? port) =>
        store.Get(new(Resources.Pods, ns, pod)) is { } found && PodPorts.Find(found, port) is { } local ? Address(local) : null;

    /// <summary>The local port of one of the pods that serve, in turn; null when there is none.</summary>
    public int? FindLocalPort(JsonObject service, JsonObject port)
    {
        var target = port.At("targetPort").Text() ?? port.At("port").Text();
        var ready = Backends(store, service).Where(static pod => PodTemplates.IsReady(pod))
            .Select(pod => PodPorts.Find(pod, target)).OfType<int>().ToArray();
        return ready.Length == 0 ? null : ready[(Interlocked.Increment(ref _turn) & int.MaxValue) % ready.Length];
    }

    /// <summary>The pods that a Service selects and that have an address.</summary>
    public static IEnumerable<JsonObject> Backends(IClusterStore store, JsonObject service) =>
        service.At("spec", "selector") is JsonObject { Count: > 0 } selector
            ? store.List(Resources.Pods, service.Namespace, ObjectSelector.Everything).Items.Where(pod =>
                LabelSelectors.MatchesMap(selector, pod)
                && !pod.Deleting
                && !PodTemplates.IsFinished(pod)
                && pod.Text("status", "podIP") is not null)
            : [];

    private static Uri Address(int port) => new($"http://127.0.0.1:{port}");
}
