using System.Collections.Immutable;

namespace Kaito.Operator.InferenceSets;

/// <summary>What is known of a set's Workspaces besides themselves, by their names.</summary>
internal sealed record ReplicaFacts
{
    /// <summary>Of those that were asked and answered.</summary>
    public ImmutableDictionary<string, ReplicaLoad> Loads { get; init; } =
        ImmutableDictionary<string, ReplicaLoad>.Empty;

    /// <summary>Tag of the newer image, of those that run an older one.</summary>
    public ImmutableDictionary<string, string> NewerTags { get; init; } = ImmutableDictionary<string, string>.Empty;

    public DateTimeOffset Now { get; init; }
}
