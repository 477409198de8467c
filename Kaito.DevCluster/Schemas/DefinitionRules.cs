using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Schemas;

/// <summary>Defaults, checks and the status of CustomResourceDefinitions: a valid one is established at once.</summary>
internal static partial class DefinitionRules
{
    /// <summary>Holds a definition until its objects are gone.</summary>
    public const string Cleanup = "customresourcecleanup.apiextensions.k8s.io";

    public static void Admit(JsonObject value, JsonObject? stored, DateTimeOffset now)
    {
        var causes = Check(value);
        if (causes.Length > 0)
        {
            throw ApiStatusException.Invalid(
                "apiextensions.k8s.io", "CustomResourceDefinition", value.Name, causes);
        }

        var spec = value.Child("spec");
        var names = spec.Child("names");
        names.Default("singular", names.String("kind")!.ToLowerInvariant());
        names.Default("listKind", names.String("kind") + "List");
        spec.Default("conversion", new JsonObject { ["strategy"] = "None" });
        if (stored is null)
        {
            value.Child("metadata")["finalizers"] = new JsonArray(Cleanup);
            value["status"] = Status(spec, now);
        }
    }

    private static JsonObject Status(JsonObject spec, DateTimeOffset now)
    {
        var time = Fields.Stamp(now);
        var storage = spec["versions"]!.AsArray().First(static v => v!["storage"]?.ToString() == "true");
        return new()
        {
            ["conditions"] = new JsonArray(
                Condition("NamesAccepted", "NoConflicts", "no conflicts found", time),
                Condition("Established", "InitialNamesAccepted", "the initial names have been accepted", time)),
            ["acceptedNames"] = spec["names"]!.DeepClone(),
            ["storedVersions"] = new JsonArray(storage!["name"]!.DeepClone()),
        };
    }

    private static JsonObject Condition(string type, string reason, string message, string time) => new()
    {
        ["type"] = type,
        ["status"] = "True",
        ["reason"] = reason,
        ["message"] = message,
        ["lastTransitionTime"] = time,
    };

    private static ImmutableArray<StatusCause> Check(JsonObject value)
    {
        var causes = ImmutableArray.CreateBuilder<StatusCause>();
        var spec = value["spec"] as JsonObject ?? [];
        var names = spec["names"] as JsonObject ?? [];
        Require(spec, "group", "spec.group", causes);
        Require(spec, "scope", "spec.scope", causes);
        Require(names, "kind", "spec.names.kind", causes);
        Require(names, "plural", "spec.names.plural", causes);
        CheckGroup(spec.String("group") ?? "", causes);
        var wanted = $"{names.String("plural")}.{spec.String("group")}";
        if (value.Name != wanted)
        {
            causes.Add(StatusCause.Invalid(
                "metadata.name", value.Name, $"must be spec.names.plural+\".\"+spec.group: {wanted}"));
        }

        CheckVersions(spec["versions"] as JsonArray ?? [], causes);
        return causes.ToImmutable();
    }

    // A definition must not take the place of a built-in kind.
    private static void CheckGroup(string group, ImmutableArray<StatusCause>.Builder causes)
    {
        if (group.Length > 0 && (!group.Contains('.', StringComparison.Ordinal)
            || BuiltinTypes.All.Any(type => type.Group == group) || group == "authorization.k8s.io"))
        {
            causes.Add(StatusCause.Invalid("spec.group", group, "must be a domain with a dot that no built-in kind uses"));
        }
    }

    private static void CheckVersions(JsonArray versions, ImmutableArray<StatusCause>.Builder causes)
    {
        var stored = versions.Count(static version => version?["storage"]?.ToString() == "true");
        if (stored != 1)
        {
            causes.Add(StatusCause.Invalid(
                "spec.versions", stored, "must have exactly one version marked as storage version"));
        }

        for (var i = 0; i < versions.Count; i++)
        {
            var version = versions[i] as JsonObject ?? [];
            Require(version, "name", $"spec.versions[{i}].name", causes);
            CheckSchema(version, $"spec.versions[{i}]", causes);
            CheckScale(version, $"spec.versions[{i}].subresources.scale", causes);
        }

        var names = versions.Select(static version => version.String("name") ?? "").ToArray();
        if (names.Distinct().Count() < names.Length)
        {
            causes.Add(new("FieldValueDuplicate", "spec.versions", "Duplicate value: two versions have the same name"));
        }
    }

    private static void CheckSchema(JsonObject version, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        if (version.At("schema", "openAPIV3Schema") is not JsonObject schema)
        {
            causes.Add(StatusCause.Required($"{path}.schema.openAPIV3Schema", "schemas are required"));
            return;
        }

        SchemaRules.Check(schema, $"{path}.schema.openAPIV3Schema", causes);
    }

    private static void CheckScale(JsonObject version, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        foreach (var (member, text) in version.Map("subresources", "scale"))
        {
            if (!ScalePath().IsMatch(text))
            {
                causes.Add(StatusCause.Invalid($"{path}.{member}", text, "must be a path such as .spec.replicas"));
            }
        }
    }

    [GeneratedRegex(@"^\.(spec|status)(\.\w+)+\z")]
    private static partial Regex ScalePath();

    private static void Require(
        JsonObject owner, string name, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        if (owner.String(name) is not { Length: > 0 })
        {
            causes.Add(StatusCause.Required(path));
        }
    }
}
