using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Apply;

/// <summary>How the items of a list find their counterpart.</summary>
internal abstract record ListKind
{
    private ListKind()
    {
    }

    /// <summary>The list is one value.</summary>
    public sealed record Atomic : ListKind;

    /// <summary>Items are values; each occurs once.</summary>
    public sealed record ValueSet : ListKind;

    /// <summary>Items are objects told apart by these members.</summary>
    public sealed record Keyed(ImmutableArray<string> Keys) : ListKind;

    public static ListKind Whole { get; } = new Atomic();

    public static ListKind Set { get; } = new ValueSet();
}

/// <summary>Which lists merge: from a CRD's schema, or from what is known about the built-in kinds.</summary>
internal static class ListKeys
{
    private static readonly HashSet<string> s_wholePorts = ["EndpointSlice", "Endpoints", "NetworkPolicy", "Ingress"];

    private static readonly Dictionary<string, string[]> s_builtin = new(StringComparer.Ordinal)
    {
        ["containers"] = ["name"],
        ["initContainers"] = ["name"],
        ["ephemeralContainers"] = ["name"],
        ["env"] = ["name"],
        ["volumes"] = ["name"],
        ["volumeMounts"] = ["mountPath"],
        ["volumeDevices"] = ["devicePath"],
        ["imagePullSecrets"] = ["name"],
        ["secrets"] = ["name"],
        ["hostAliases"] = ["ip"],
        ["topologySpreadConstraints"] = ["topologyKey", "whenUnsatisfiable"],
        ["resourceClaims"] = ["name"],
        ["conditions"] = ["type"],
        ["ownerReferences"] = ["uid"],
        ["podIPs"] = ["ip"],
        ["webhooks"] = ["name"],
    };

    /// <summary>The kind of a list of a built-in object.</summary>
    /// <param name="type">The object's type.</param>
    /// <param name="parent">The member that holds the object that holds the list, "" at the root.</param>
    /// <param name="name">The list's member name.</param>
    /// <param name="strategic">Strategic merge uses one key where server-side apply may use two.</param>
    public static ListKind Builtin(ResourceType type, string parent, string name, bool strategic)
    {
        if (parent == "metadata" && name == "finalizers")
        {
            return ListKind.Set;
        }

        if (name == "ports" && !s_wholePorts.Contains(type.Kind))
        {
            return Ports(type.Kind == "Service" ? "port" : "containerPort", strategic);
        }

        if (type.Kind == "Node" && name == "addresses" && parent == "status")
        {
            return strategic ? new ListKind.Keyed(["type"]) : ListKind.Whole;
        }

        return s_builtin.TryGetValue(name, out var keys)
            ? new ListKind.Keyed(strategic ? [keys[0]] : [.. keys])
            : ListKind.Whole;
    }

    private static ListKind.Keyed Ports(string key, bool strategic) => new(strategic ? [key] : [key, "protocol"]);

    /// <summary>The kind of a list of a custom object, from its schema.</summary>
    public static ListKind Custom(JsonObject? schema) => schema?.String("x-kubernetes-list-type") switch
    {
        "set" => ListKind.Set,
        "map" when schema["x-kubernetes-list-map-keys"] is JsonArray keys =>
            new ListKind.Keyed([.. keys.Select(static key => key?.ToString() ?? "")]),
        _ => ListKind.Whole,
    };
}
