using System.Collections.Immutable;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Schemas;

/// <summary>The resources that are served now: the built-in ones and those of established CRDs.</summary>
internal sealed class ResourceCatalog
{
    private readonly Lock _lock = new();
    private ImmutableDictionary<GroupResource, ResourceType> _types =
        BuiltinTypes.All.ToImmutableDictionary(static type => type.Resource);

    public IEnumerable<ResourceType> All => _types.Values
        .OrderBy(static type => type.Group, StringComparer.Ordinal)
        .ThenBy(static type => type.Plural, StringComparer.Ordinal);

    public ResourceType? Find(GroupResource resource) => _types.GetValueOrDefault(resource);

    /// <summary>The type, or a 404 as for a path that does not exist.</summary>
    public ResourceType Get(GroupResource resource) => Find(resource) ?? throw ApiStatusException.NoSuchPath();

    public ResourceType? FindKind(string group, string kind) =>
        _types.Values.FirstOrDefault(type => type.Group == group && type.Kind == kind);

    public void Set(ResourceType type)
    {
        lock (_lock)
        {
            _types = _types.SetItem(type.Resource, type);
        }
    }

    public void Remove(GroupResource resource)
    {
        lock (_lock)
        {
            if (_types.TryGetValue(resource, out var type) && type.Custom)
            {
                _types = _types.Remove(resource);
            }
        }
    }
}
