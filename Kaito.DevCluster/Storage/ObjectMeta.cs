using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Kaito.DevCluster.Schemas;

namespace Kaito.DevCluster.Storage;

/// <summary>The rules of metadata: names, uid, timestamps, versions, generation.</summary>
internal static partial class ObjectMeta
{
    private static readonly string[] s_serverOwned =
        ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink"];

    public static long Version(JsonObject value) => (value["metadata"]?["resourceVersion"] as JsonValue)?.AsLong() ?? 0;

    public static void SetVersion(JsonObject value, long version) =>
        value.Child("metadata")["resourceVersion"] = version.ToString(CultureInfo.InvariantCulture);

    public static void PrepareCreate(ResourceType type, string? ns, JsonObject value, TimeProvider clock)
    {
        var meta = value.Child("metadata");
        foreach (var owned in s_serverOwned)
        {
            meta.Remove(owned);
        }

        if (meta.String("resourceVersion") is { Length: > 0 } and not "0")
        {
            throw ApiStatusException.BadRequest("resourceVersion should not be set on objects to be created");
        }

        if (string.IsNullOrEmpty(meta.String("name")) && meta.String("generateName") is { Length: > 0 } prefix)
        {
            meta["name"] = prefix[..Math.Min(prefix.Length, 248)]
                + RandomNumberGenerator.GetString("bcdfghjklmnpqrstvwxz2456789", 5);
        }

        RequireHome(type, ns, meta);
        RequireValid(type, meta);
        meta["uid"] = Guid.CreateVersion7(clock.GetUtcNow()).ToString();
        meta["creationTimestamp"] = Fields.Stamp(clock.GetUtcNow());
        meta.Remove("resourceVersion");
        if (HasGeneration(type))
        {
            meta["generation"] = 1L;
        }

        SetKind(type, value);
    }

    public static void PrepareUpdate(ResourceType type, JsonObject value, JsonObject stored)
    {
        var meta = value.Child("metadata");
        var before = stored["metadata"]!.AsObject();
        foreach (var owned in s_serverOwned)
        {
            meta.Replace(owned, before[owned]);
        }

        meta.Replace("resourceVersion", before["resourceVersion"]);
        meta.Replace("namespace", before["namespace"]);
        if (!meta.ContainsKey("managedFields"))
        {
            meta.Replace("managedFields", before["managedFields"]);
        }

        if (stored.Deleting)
        {
            RequireNoNewFinalizer(type, meta, before);
        }

        RequireValid(type, meta);
        SetKind(type, value);
    }

    /// <summary>A uid or resourceVersion in the sent object that differs from the stored one is a 409.</summary>
    public static void RequireSame(ObjectKey key, JsonObject value, JsonObject stored)
    {
        var meta = value["metadata"] as JsonObject ?? [];
        var before = stored["metadata"]!.AsObject();
        if (meta.String("resourceVersion") is { Length: > 0 } version and not "0"
            && version != before.String("resourceVersion"))
        {
            throw ApiStatusException.Modified(key.Resource, key.Name);
        }

        if (meta.String("uid") is { Length: > 0 } uid && uid != before.String("uid"))
        {
            throw ApiStatusException.Conflict(
                key.Resource,
                key.Name,
                $"Precondition failed: UID in precondition: {uid}, UID in object meta: {before.String("uid")}");
        }
    }

    /// <summary>Adds one when something other than metadata and status changed.</summary>
    public static void BumpGeneration(ResourceType type, JsonObject value, JsonObject stored)
    {
        if (!HasGeneration(type) || !SpecChanged(value, stored))
        {
            return;
        }

        var meta = value.Child("metadata");
        meta["generation"] = ((stored["metadata"]?["generation"] as JsonValue)?.AsLong() ?? 0) + 1;
    }

    private static bool SpecChanged(JsonObject value, JsonObject stored) =>
        value.Select(static member => member.Key).Union(stored.Select(static member => member.Key))
            .Where(static name => name is not ("metadata" or "status" or "apiVersion" or "kind"))
            .Any(name => !JsonNode.DeepEquals(value[name], stored[name]));

    private static bool HasGeneration(ResourceType type) =>
        type.Custom || type.Group is "apps" or "batch" or "policy" or "apiextensions.k8s.io" or "networking.k8s.io"
            or "admissionregistration.k8s.io" or "discovery.k8s.io";

    private static void SetKind(ResourceType type, JsonObject value)
    {
        value["apiVersion"] = type.ApiVersion(type.StorageVersion.Name);
        value["kind"] = type.Kind;
    }

    private static void RequireHome(ResourceType type, string? ns, JsonObject meta)
    {
        if (!type.Namespaced)
        {
            meta.Remove("namespace");
            return;
        }

        if (string.IsNullOrEmpty(ns))
        {
            throw ApiStatusException.BadRequest($"an empty namespace may not be set when creating a {type.Kind}");
        }

        if (meta.String("namespace") is { Length: > 0 } named && named != ns)
        {
            throw ApiStatusException.BadRequest(
                $"the namespace of the provided object does not match the namespace sent on the request: "
                + $"\"{named}\" is not \"{ns}\"");
        }

        meta["namespace"] = ns;
    }

    private static void RequireValid(ResourceType type, JsonObject meta)
    {
        var causes = ImmutableArray.CreateBuilder<StatusCause>();
        var name = meta.String("name") ?? "";
        if (name.Length == 0)
        {
            causes.Add(StatusCause.Required("metadata.name", "name or generateName is required"));
        }
        else if (NameProblem(type, name) is { } problem)
        {
            causes.Add(StatusCause.Invalid("metadata.name", name, problem));
        }

        AddLabelProblems(meta["labels"], causes);
        AddFinalizerProblems(meta["finalizers"], causes);
        if (causes.Count > 0)
        {
            throw ApiStatusException.Invalid(type.Group, type.Kind, name, causes.ToImmutable());
        }
    }

    private static string? NameProblem(ResourceType type, string name)
    {
        if (type.Group == "rbac.authorization.k8s.io")
        {
            return name is "." or ".." || name.AsSpan().ContainsAny('/', '%') ? "may not be '.', '..' or contain / or %" : null;
        }

        if (type.Group.Length == 0 && type.Plural is "namespaces" or "services")
        {
            return name.Length <= 63 && DnsLabel().IsMatch(name)
                ? null
                : "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', start and end "
                    + "with an alphanumeric character, and be no more than 63 characters";
        }

        return name.Length <= 253 && DnsSubdomain().IsMatch(name)
            ? null
            : "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
                + "start and end with an alphanumeric character";
    }

    private static void AddLabelProblems(JsonNode? labels, ImmutableArray<StatusCause>.Builder causes)
    {
        foreach (var (key, value) in labels as JsonObject ?? [])
        {
            var text = value?.ToString() ?? "";
            if (text.Length > 63 || !LabelValue().IsMatch(text))
            {
                causes.Add(StatusCause.Invalid(
                    "metadata.labels",
                    text,
                    $"the value of label {key} must be empty or at most 63 alphanumeric characters, '-', '_' or '.', "
                    + "and must start and end with an alphanumeric character"));
            }
        }
    }

    private static void AddFinalizerProblems(JsonNode? finalizers, ImmutableArray<StatusCause>.Builder causes)
    {
        foreach (var finalizer in finalizers as JsonArray ?? [])
        {
            var text = finalizer?.ToString() ?? "";
            if (text is not (Deletion.ForegroundFinalizer or Deletion.OrphanFinalizer or "kubernetes")
                && !text.Contains('/', StringComparison.Ordinal)
                && !text.Contains('.', StringComparison.Ordinal))
            {
                causes.Add(StatusCause.Invalid(
                    "metadata.finalizers", text, "name is neither a standard finalizer name nor is it fully qualified"));
            }
        }
    }

    private static void RequireNoNewFinalizer(ResourceType type, JsonObject meta, JsonObject before)
    {
        var old = (before["finalizers"] as JsonArray ?? []).Select(static f => f?.ToString()).ToHashSet();
        var added = (meta["finalizers"] as JsonArray ?? []).Where(f => !old.Contains(f?.ToString())).ToArray();
        if (added.Length > 0)
        {
            throw ApiStatusException.Invalid(type.Group, type.Kind, meta.String("name") ?? "",
            [
                StatusCause.Forbidden(
                    "metadata.finalizers",
                    "no new finalizers can be added if the object is being deleted, found new finalizers "
                    + string.Join(", ", added.Select(static f => f?.ToString()))),
            ]);
        }
    }

    [GeneratedRegex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    private static partial Regex DnsLabel();

    [GeneratedRegex(@"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$")]
    private static partial Regex DnsSubdomain();

    [GeneratedRegex("^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$")]
    private static partial Regex LabelValue();
}
