using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;

namespace Kaito.Benchmarks.Crashes;

/// <summary>Every object of a cluster as a line of text, without what differs between two equal runs.</summary>
internal static partial class ClusterPicture
{
    // Times; uids; addresses; free ports; what is made from uids in the names of NodeClaims and EndpointSlices.
    private const string Passing =
        @"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+(\.\d+){3}(:\d+)?"
        + @"|\b[3-6]\d{4}\b|\bws[0-9a-f]{9}\b|-[0-9a-f]{8}\b|""[0-9a-f]{64}""|""[0-9a-f]{32}""";

    private static readonly JsonSerializerOptions s_plain = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Ordered by resource, namespace and name; without Events and Leases, which tell of the past.</summary>
    public static string[] Of(IClusterStore store, ResourceCatalog catalog)
    {
        (GroupResource Resource, JsonObject Object)[] all =
        [
            .. catalog.All.Select(static type => type.Resource)
                .Where(static resource => resource.Resource is not ("events" or "leases"))
                .SelectMany(resource => store.List(resource).Items.Select(item => (resource, item))),
        ];
        var named = Named([.. all.Select(static o => o.Object)]);
        return
        [
            .. all.Select(o => PassingText().Replace(named(Line(o.Resource, o.Object)), "_")).Order(StringComparer.Ordinal),
        ];
    }

    private static string Line(GroupResource resource, JsonObject item)
    {
        var metadata = item["metadata"]!.AsObject();
        metadata.Remove("resourceVersion");
        metadata.Remove("managedFields");
        if (resource.Group != "kaito.sh")
        {
            // How many writes it took to get here; of our own kinds only users change what counts.
            metadata.Remove("generation");
            (item["status"] as JsonObject)?.Remove("observedGeneration");
        }

        return $"{resource}/{metadata["namespace"]}/{metadata["name"]} {Sorted(item)!.ToJsonString(s_plain)}";
    }

    // Names that somebody made from a uid or by lot.
    private static Func<string, string> Named(IReadOnlyCollection<JsonObject> items)
    {
        var made = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var item in items)
        {
            if (item.Text("metadata", "generateName") is { Length: > 0 } prefix)
            {
                made[item.Name] = $"{prefix}_";
            }
            else if (Owner(item, "InferenceSet") is { } set)
            {
                made[item.Name] = $"{set}-_";
            }
            else if (item.Text("kind") == "ControllerRevision" && Owner(item, "StatefulSet") is { } workload)
            {
                made[item.Name] = $"{workload}-revision";
            }
        }

        var longestFirst = made.OrderByDescending(static m => m.Key.Length).ToArray();
        return text => longestFirst.Aggregate(
            text, static (now, m) => now.Replace(m.Key, m.Value, StringComparison.Ordinal));
    }

    private static string? Owner(JsonObject item, string kind) => item.Objects("metadata", "ownerReferences")
        .FirstOrDefault(o => o.Text("kind") == kind)?.Text("name");

    // The order of members tells who came first.
    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject map => new JsonObject(map
            .OrderBy(static pair => pair.Key, StringComparer.Ordinal)
            .Select(static pair => KeyValuePair.Create(pair.Key, Sorted(pair.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Sorted)]),
        _ => node?.DeepClone(),
    };

    [GeneratedRegex(Passing)]
    private static partial Regex PassingText();
}
