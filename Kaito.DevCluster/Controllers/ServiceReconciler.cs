using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Pods;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>Gives Services a cluster address for show, and keeps their Endpoints and EndpointSlices.</summary>
internal sealed class ServiceReconciler(IClusterStore store) : IReconciler
{
    private const string ServiceNameLabel = "kubernetes.io/service-name";

    public string Name => "endpoints-controller";

    public ImmutableArray<WatchRule> Watches => [WatchRule.Itself(Resources.Services), new(Resources.Pods, ServicesOf)];

    public TimeSpan? Reconcile(ObjectKey key)
    {
        if (store.Get(key) is not { Deleting: false } service)
        {
            Remove(key);
            return null;
        }

        if (service.Text("spec", "clusterIP") is null or "" && service.Text("spec", "type") != "ExternalName")
        {
            store.Modify(key, stored => AssignAddress(stored.Child("spec")));
        }

        if (service.At("spec", "selector") is JsonObject { Count: > 0 })
        {
            var pods = ServiceEndpoints.Backends(store, service).ToArray();
            Put(Resources.Endpoints, EndpointsRendering.Endpoints(service, pods), "subsets");
            Slices(service, pods);
        }

        return null;
    }

    private IEnumerable<ObjectKey> ServicesOf(JsonObject pod) =>
        store.List(Resources.Services, pod.Namespace, ObjectSelector.Everything).Items
            .Where(service => LabelSelectors.MatchesMap(service.At("spec", "selector"), pod))
            .Select(static service => Resources.Services.KeyOf(service));

    private void AssignAddress(JsonObject spec)
    {
        var taken = store.List(Resources.Services).Items.Select(static s => s.Text("spec", "clusterIP")).ToHashSet();
        var address = Enumerable.Range(10, 65000).Select(static n => $"10.96.{n >> 8}.{n & 255}").First(a => !taken.Contains(a));
        spec["clusterIP"] = address;
        spec["clusterIPs"] = Fields.List(address);
    }

    // A pod has its own local ports, so each pod has a slice of its own.
    private void Slices(JsonObject service, JsonObject[] pods)
    {
        var wanted = pods.Select(pod => EndpointsRendering.Slice(service, pod)).ToArray();
        foreach (var slice in wanted)
        {
            Put(Resources.EndpointSlices, slice, "endpoints", "ports");
        }

        foreach (var old in OwnSlices(service.Namespace, service.Name).Where(o => wanted.All(w => w.Name != o.Name)))
        {
            store.Delete(Resources.EndpointSlices.KeyOf(old), DeleteRequest.Default);
        }
    }

    private IEnumerable<JsonObject> OwnSlices(string? ns, string service) =>
        store.List(Resources.EndpointSlices, ns, ObjectSelector.Everything).Items
            .Where(slice => slice.Text("metadata", "labels", ServiceNameLabel) == service);

    private void Put(GroupResource resource, JsonObject wanted, params string[] members)
    {
        var key = resource.KeyOf(wanted);
        var present = store.Get(key);
        if (present is null)
        {
            store.Create(resource, wanted.Namespace, wanted);
        }
        else if (members.Any(m => !JsonNode.DeepEquals(present[m], wanted[m])))
        {
            store.Modify(key, stored =>
            {
                foreach (var member in members)
                {
                    stored.Replace(member, wanted[member]);
                }
            });
        }
    }

    private void Remove(ObjectKey key)
    {
        if (store.Get(key with { Resource = Resources.Endpoints }) is not null)
        {
            store.Delete(key with { Resource = Resources.Endpoints }, DeleteRequest.Default);
        }

        foreach (var slice in OwnSlices(key.Namespace, key.Name))
        {
            store.Delete(Resources.EndpointSlices.KeyOf(slice), DeleteRequest.Default);
        }
    }
}
