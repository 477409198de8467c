using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Api;

/// <summary>A resource path, taken apart.</summary>
internal sealed record ApiPath(
    ResourceType Type, TypeVersion Version, string? Namespace, string? Name, string? Subresource, string Rest)
{
    public GroupResource Resource => EventForms.Stored(Type.Resource);

    public ObjectKey Key => new(Resource, Type.Namespaced ? Namespace : null, Name ?? "");

    public string ApiVersion => Type.ApiVersion(Version.Name);

    /// <summary>
    /// Reads <c>/api/v1/namespaces/ns/pods/name/log</c> or <c>/apis/group/version/…</c>; throws a 404 when no such
    /// resource is served.
    /// </summary>
    public static ApiPath Parse(string path, ResourceCatalog catalog)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var named = parts[0] == "apis";
        var head = named ? 3 : 2;
        if (parts.Length <= head)
        {
            throw ApiStatusException.NoSuchPath();
        }

        var (group, version) = named ? (parts[1], parts[2]) : ("", parts[1]);
        var tail = parts.AsSpan(head);
        string? ns = null;
        if (tail[0] == "namespaces" && tail.Length >= 3 && !(group.Length == 0 && tail[2] is "status" or "finalize"))
        {
            ns = tail[1];
            tail = tail[2..];
        }

        var type = catalog.Get(new(group, tail[0]));
        var served = type.Served(version) ?? throw ApiStatusException.NoSuchPath();
        var misplaced = type.Namespaced ? ns is null && tail.Length > 1 : ns is not null;
        return misplaced ? throw ApiStatusException.NoSuchPath() : From(type, served, ns, tail);
    }

    private static ApiPath From(ResourceType type, TypeVersion version, string? ns, ReadOnlySpan<string> tail) => new(
        type,
        version,
        ns,
        tail.Length > 1 ? Uri.UnescapeDataString(tail[1]) : null,
        tail.Length > 2 ? tail[2] : null,
        tail.Length > 3 ? string.Join('/', tail[3..].ToArray()) : "");
}
