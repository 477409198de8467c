using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Api;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Admission;

/// <summary>One webhook of a ValidatingWebhookConfiguration, as it concerns one request.</summary>
/// <param name="Name">Its name, e.g. <c>validation.workspace.kaito.sh</c>.</param>
/// <param name="Version">The version of the resource that it takes.</param>
/// <param name="Client">Its <c>clientConfig</c>.</param>
/// <param name="Ignores">A webhook that cannot be asked does not count.</param>
/// <param name="Timeout">How long it may take.</param>
internal sealed record Webhook(string Name, string Version, JsonObject Client, bool Ignores, TimeSpan Timeout)
{
    private const int DefaultSeconds = 10;

    /// <summary>The webhooks that a write concerns, in the order of their configurations.</summary>
    /// <param name="configurations">ValidatingWebhookConfigurations.</param>
    /// <param name="path">The written resource.</param>
    /// <param name="operation">CREATE or UPDATE.</param>
    public static IEnumerable<(Webhook Webhook, JsonObject Definition)> Of(
        IEnumerable<JsonObject> configurations, ApiPath path, string operation) =>
        from configuration in configurations
        from definition in configuration.Objects("webhooks")
        let version = definition.Objects("rules")
            .Where(rule => Covers(rule, path, operation))
            .Select(rule => Known(rule, path, definition.Text("matchPolicy") != "Exact"))
            .FirstOrDefault(static v => v is not null)
        where version is not null
        select (Read(definition, version), definition);

    /// <summary>Whether the webhook's selectors take the object, which may have changed its labels.</summary>
    public static bool Selects(JsonObject definition, JsonObject? home, params IEnumerable<JsonObject?> objects) =>
        (home is null || Matches(definition["namespaceSelector"], home))
        && objects.OfType<JsonObject>().Any(item => Matches(definition["objectSelector"], item));

    private static Webhook Read(JsonObject definition, string version) => new(
        definition.Text("name") ?? "",
        version,
        definition["clientConfig"] as JsonObject ?? [],
        definition.Text("failurePolicy") == "Ignore",
        TimeSpan.FromSeconds(Math.Clamp(definition.Number("timeoutSeconds") ?? DefaultSeconds, 1, 30)));

    private static bool Covers(JsonObject rule, ApiPath path, string operation)
    {
        var resource = path.Subresource is null
            ? path.Type.Plural
            : $"{path.Type.Plural}/{path.Subresource}";
        return Has(rule, "operations", operation)
            && Has(rule, "apiGroups", path.Type.Group)
            && rule.Strings("resources").Any(pattern => Takes(pattern, resource, path))
            && (rule.Text("scope") ?? "*") is var scope
            && (scope == "*" || scope == (path.Type.Namespaced ? "Namespaced" : "Cluster"));
    }

    // "*" is every resource and no subresource, "*/*" is everything, "pods/*" and "*/status" are what they look like.
    private static bool Takes(string pattern, string resource, ApiPath path) =>
        pattern == resource
        || pattern == "*/*"
        || (pattern == "*" && path.Subresource is null)
        || (path.Subresource is { } part && (pattern == $"{path.Type.Plural}/*" || pattern == $"*/{part}"));

    // The version to send: the request's, or, when the webhook asked for equivalent ones, one that it knows.
    private static string? Known(JsonObject rule, ApiPath path, bool equivalent)
    {
        var known = rule.Strings("apiVersions").ToImmutableArray();
        return known.Contains("*") || known.Contains(path.Version.Name)
            ? path.Version.Name
            : equivalent ? known.FirstOrDefault(v => path.Type.Served(v) is not null) : null;
    }

    private static bool Has(JsonObject rule, string member, string value) =>
        rule.Strings(member).Any(candidate => candidate == "*" || candidate == value);

    private static bool Matches(JsonNode? selector, JsonObject item) =>
        selector is not JsonObject { Count: > 0 } set || ObjectSelector.OfObject(set)!.Matches(item);
}
