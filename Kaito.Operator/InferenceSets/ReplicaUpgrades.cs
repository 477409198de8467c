using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core.Api;
using Kaito.Core.InferenceSets;
using Kaito.Operator.Cluster;

namespace Kaito.Operator.InferenceSets;

/// <summary>What automatic upgrades do to a set in one step.</summary>
internal sealed record UpgradeStep
{
    /// <summary>The Workspace that shall move to the newer image where it runs, and the image's tag.</summary>
    public (WorkspaceResource Workspace, string Tag)? Start { get; init; }

    /// <summary>A replica more than wanted, so that its ready successor replaces an older one.</summary>
    public bool Extra { get; init; }

    /// <summary>Workspaces on an older image.</summary>
    public int Drifted { get; init; }

    public ImmutableArray<Occurrence> Events { get; init; } = [];
}

/// <summary>PURE: moves replicas to a newer image one by one; the next one when all serve again.</summary>
internal static class ReplicaUpgrades
{
    /// <summary>An upgrade that takes longer is told of, and stops those that would follow.</summary>
    private static readonly TimeSpan s_slow = TimeSpan.FromMinutes(30);

    /// <param name="set">The set.</param>
    /// <param name="live">Its Workspaces without those that are being deleted.</param>
    /// <param name="wanted">How many there shall be.</param>
    /// <param name="facts">What is known of them.</param>
    public static UpgradeStep Next(
        InferenceSet set, ImmutableArray<WorkspaceResource> live, int wanted, ReplicaFacts facts)
    {
        var old = live.Where(w => facts.NewerTags.ContainsKey(w.Metadata.Name!))
            .OrderBy(static w => w.Metadata.Uid, StringComparer.Ordinal).ToImmutableArray();
        var step = new UpgradeStep { Drifted = old.Length, Events = Slow(live, facts.Now) };
        if (set.AutoUpgrade is not { } rules || old.IsEmpty)
        {
            return step;
        }

        var open = rules.Schedule?.IsOpen(facts.Now, rules.Duration) ?? true;
        if (rules.Surge)
        {
            return Surge(set, live, wanted, old, open) is { } blocked
                ? step with { Events = [.. step.Events, blocked] }
                : step with { Extra = Surges(live, wanted, old, open) };
        }

        return open && step.Events.IsEmpty && InPlace(live, wanted, old, facts) is { } next
            ? step with { Start = (next, facts.NewerTags[next.Metadata.Name!]) }
            : step;
    }

    // The one that does not serve loses nothing; one that serves goes only when all serve.
    private static WorkspaceResource? InPlace(
        ImmutableArray<WorkspaceResource> live, int wanted, ImmutableArray<WorkspaceResource> old, ReplicaFacts facts)
    {
        var waiting = old.Where(w => !Asked(w, facts)).ToImmutableArray();
        return waiting.Length < old.Length ? null
            : waiting.FirstOrDefault(static w => !InferenceSetPlanner.IsReady(w))
            ?? (live.Length == wanted && live.All(InferenceSetPlanner.IsReady) ? waiting[0] : null);
    }

    private static bool Asked(WorkspaceResource workspace, ReplicaFacts facts) =>
        workspace.Metadata.Labels?.GetValueOrDefault(Labels.UpgradeToVersion) == facts.NewerTags[workspace.Metadata.Name!];

    // Once begun a surge ends, window or not: the replica more would otherwise run, and cost, until the next one.
    private static bool Surges(
        ImmutableArray<WorkspaceResource> live, int wanted, ImmutableArray<WorkspaceResource> old, bool open)
    {
        var begun = live.Length > wanted;
        var replaceable = live.Count(InferenceSetPlanner.IsReady) > wanted
            || old.Any(static w => !InferenceSetPlanner.IsReady(w));
        return (open || begun) && !(begun && replaceable);
    }

    private static Occurrence? Surge(
        InferenceSet set, ImmutableArray<WorkspaceResource> live, int wanted, ImmutableArray<WorkspaceResource> old,
        bool open) =>
        open && live.Length == wanted && set.NodeLimit is { } limit && (wanted + 1) * set.NodesPerReplica > limit
            ? new(true, "UpgradeBlocked",
                $"{old.Length} replicas run an older image, and spec.nodeCountLimit {limit} leaves no room for a successor. "
                + "Raise it, or set spec.autoUpgrade.strategy to InPlace.")
            : null;

    private static ImmutableArray<Occurrence> Slow(ImmutableArray<WorkspaceResource> live, DateTimeOffset now) =>
    [
        .. live.Where(w => Started(w) is { } at && now - at > s_slow && Stopped(w) is { } since && since - at < s_slow)
            .Select(static w => new Occurrence(true, "UpgradeSlow",
                $"Workspace {w.Metadata.Name} has not served since its upgrade to "
                + $"{w.Metadata.Labels?.GetValueOrDefault(Labels.UpgradeToVersion)}; the others wait. See kubectl describe "
                + $"workspace {w.Metadata.Name}; deleting it makes a new one.")),
    ];

    // Since when it does not serve; what served after its upgrade and failed later is another matter.
    private static DateTimeOffset? Stopped(WorkspaceResource workspace) => (workspace.Status?.Conditions ?? [])
        .FirstOrDefault(static c => c is { Type: ConditionTypes.WorkspaceSucceeded, Status: not Condition.True })
        ?.LastTransitionTime;

    private static DateTimeOffset? Started(WorkspaceResource workspace) => DateTimeOffset.TryParse(
        workspace.Metadata.Annotations?.GetValueOrDefault(Annotations.UpgradeStartTime), CultureInfo.InvariantCulture,
        DateTimeStyles.AssumeUniversal, out var at)
        ? at
        : null;
}
