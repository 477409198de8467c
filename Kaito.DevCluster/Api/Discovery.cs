using System.Text.Json.Nodes;
using Kaito.DevCluster.Schemas;

namespace Kaito.DevCluster.Api;

/// <summary>The documents by which clients learn what is served.</summary>
internal static class Discovery
{
    private static readonly string[] s_verbs =
        ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

    private static readonly string[] s_partVerbs = ["get", "patch", "update"];

    public static JsonObject CoreVersions(string address) => new()
    {
        ["kind"] = "APIVersions",
        ["versions"] = new JsonArray("v1"),
        ["serverAddressByClientCIDRs"] = new JsonArray(
            new JsonObject { ["clientCIDR"] = "0.0.0.0/0", ["serverAddress"] = address }),
    };

    public static JsonObject Groups(ResourceCatalog catalog) => new()
    {
        ["kind"] = "APIGroupList",
        ["apiVersion"] = "v1",
        ["groups"] = new JsonArray([.. GroupNames(catalog).Select(name => (JsonNode)Group(catalog, name)!)]),
    };

    /// <summary>One group's document, or null when nothing of it is served.</summary>
    public static JsonObject? Group(ResourceCatalog catalog, string name)
    {
        var versions = Versions(catalog, name);
        if (versions.Length == 0)
        {
            return null;
        }

        var shown = versions.Select(version => new JsonObject
        {
            ["groupVersion"] = $"{name}/{version}",
            ["version"] = version,
        }).ToArray();
        return new()
        {
            ["kind"] = "APIGroup",
            ["apiVersion"] = "v1",
            ["name"] = name,
            ["versions"] = new JsonArray([.. shown]),
            ["preferredVersion"] = shown[0].DeepClone(),
        };
    }

    /// <summary>The resources of one group and version, or null when it is not served.</summary>
    public static JsonObject? Resources(ResourceCatalog catalog, string group, string version)
    {
        var items = new JsonArray();
        foreach (var type in catalog.All.Where(type => type.Group == group))
        {
            if (type.Served(version) is { } served)
            {
                Add(items, type, served);
            }
        }

        if (group == "authorization.k8s.io" && version == "v1")
        {
            items.Add(Review("selfsubjectaccessreviews", "SelfSubjectAccessReview"));
            items.Add(Review("selfsubjectrulesreviews", "SelfSubjectRulesReview"));
        }

        return items.Count == 0
            ? null
            : new()
            {
                ["kind"] = "APIResourceList",
                ["apiVersion"] = "v1",
                ["groupVersion"] = group.Length == 0 ? version : $"{group}/{version}",
                ["resources"] = items,
            };
    }

    public static IEnumerable<string> GroupNames(ResourceCatalog catalog) =>
        catalog.All.Select(static type => type.Group)
            .Where(static group => group.Length > 0)
            .Append("authorization.k8s.io")
            .Distinct()
            .Order(StringComparer.Ordinal);

    /// <summary>Served versions of a group, the preferred one first: stable before beta before alpha.</summary>
    public static string[] Versions(ResourceCatalog catalog, string group) => group == "authorization.k8s.io"
        ? ["v1"]
        : [.. catalog.All.Where(type => type.Group == group)
            .SelectMany(static type => type.Versions)
            .Where(static version => version.Served)
            .Select(static version => version.Name)
            .Distinct()
            .OrderBy(static name => name.Contains("alpha", StringComparison.Ordinal) ? 2
                : name.Contains("beta", StringComparison.Ordinal) ? 1 : 0)
            .ThenByDescending(static name => name, StringComparer.Ordinal)];

    private static void Add(JsonArray items, ResourceType type, TypeVersion version)
    {
        var main = Entry(type.Plural, type.Kind, type.Namespaced, s_verbs);
        main["singularName"] = type.Singular;
        main["storageVersionHash"] = "";
        if (type.ShortNames.Length > 0)
        {
            main["shortNames"] = Words(type.ShortNames);
        }

        if (type.Categories.Length > 0)
        {
            main["categories"] = Words(type.Categories);
        }

        items.Add(main);
        if (version.HasStatus)
        {
            items.Add(Entry($"{type.Plural}/status", type.Kind, type.Namespaced, s_partVerbs));
        }

        if (version.Scale is not null)
        {
            var scale = Entry($"{type.Plural}/scale", "Scale", type.Namespaced, s_partVerbs);
            scale["group"] = "autoscaling";
            scale["version"] = "v1";
            items.Add(scale);
        }

        if (type.Group.Length == 0 && type.Kind == "Pod")
        {
            items.Add(Entry("pods/log", "Pod", true, ["get"]));
            items.Add(Entry("pods/proxy", "PodProxyOptions", true, ["get", "create", "update", "patch", "delete"]));
        }

        if (type.Group.Length == 0 && type.Kind == "Service")
        {
            items.Add(
                Entry("services/proxy", "ServiceProxyOptions", true, ["get", "create", "update", "patch", "delete"]));
        }
    }

    private static JsonObject Review(string plural, string kind) => Entry(plural, kind, false, ["create"]);

    private static JsonObject Entry(string name, string kind, bool namespaced, IEnumerable<string> verbs) => new()
    {
        ["name"] = name,
        ["singularName"] = "",
        ["namespaced"] = namespaced,
        ["kind"] = kind,
        ["verbs"] = Words(verbs),
    };

    private static JsonArray Words(IEnumerable<string> words) => new([.. words.Select(static word => (JsonNode)word)]);
}
