using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core;
using Kaito.Core.Api;
using Kaito.Core.InferenceSets;
using Kaito.Operator.Cluster;
using Kaito.Operator.Workspaces;

namespace Kaito.Operator.InferenceSets;

/// <summary>PURE: from a set and its Workspaces to what should be.</summary>
internal static class InferenceSetPlanner
{
    private const string Peak = "peakTokensPerMinute";
    private const string AggregatedPeak = "aggregatedPeakTokensPerMinute";

    /// <summary>Plans one step; the next one follows from what has become of it.</summary>
    /// <param name="set">What is wanted.</param>
    /// <param name="workspaces">All Workspaces of the set, those that are being deleted too.</param>
    /// <param name="facts">What else is known of them.</param>
    public static InferenceSetPlan Plan(
        InferenceSet set, ImmutableArray<WorkspaceResource> workspaces, ReplicaFacts facts)
    {
        var live = workspaces.Where(static w => w.Metadata.DeletionTimestamp is null).ToImmutableArray();
        set = set with { NodesPerReplica = NodesPerReplica(set, live) };
        var wanted = Wanted(set);
        var hash = ReplicaTemplate.Hash(set);
        var upgrade = ReplicaUpgrades.Next(set, live, wanted, facts);
        var target = upgrade.Extra ? wanted + 1 : wanted;
        var surplus = Surplus(hash, live, target, facts);
        var kept = live.RemoveRange(surplus);
        var rollout = Rollout(set, hash, kept);
        var taken = workspaces.Select(static w => w.Metadata.Name!).ToHashSet(StringComparer.Ordinal);

        // A Workspace that leaves keeps its nodes until it is gone: its successor waits for that only at the limit of nodes.
        var room = set.NodeLimit is { } limit
            ? Math.Max(0, (limit / set.NodesPerReplica!.Value) - workspaces.Length)
            : int.MaxValue;
        var missing = Math.Min(target - kept.Length, room);
        var ready = live.Count(IsReady);
        return new()
        {
            Apply =
            [
                .. rollout.Update.Select(w => ReplicaTemplate.Render(set, w.Metadata.Name!)),
                .. ReplicaTemplate.Names(set, taken).Take(Math.Max(0, missing)).Select(n => ReplicaTemplate.Render(set, n)),
            ],
            Delete = [.. surplus, .. rollout.Replace],

            // An edited template brings the newer image with it.
            Upgrade = rollout.Update.IsEmpty && rollout.Replace.IsEmpty && surplus.IsEmpty ? upgrade.Start : null,
            Drifted = set.AutoUpgrade is null ? null : upgrade.Drifted,
            Replicas = wanted,
            ReadyReplicas = ready,
            Conditions = Conditions(set, live, (ready, wanted), set.AutoUpgrade?.Surge == true && upgrade.Drifted > 0),
            Performance = Performance(live),
            Events = [.. Events(set, wanted), .. upgrade.Events],
        };
    }

    /// <summary>For a set that failed its checks: everything wrong; its Workspaces stay as they are.</summary>
    public static InferenceSetPlan Reject(
        ImmutableArray<FieldError> errors, InferenceSetResource resource, ImmutableArray<WorkspaceResource> workspaces)
    {
        var message = Rejection.Message(errors);
        return new()
        {
            Replicas = Math.Max(0, resource.Spec?.Replicas ?? 1),
            ReadyReplicas = workspaces.Count(static w => w.Metadata.DeletionTimestamp is null && IsReady(w)),
            Conditions = [WorkspaceConditions.Unmet(ConditionTypes.InferenceSetReady, "inferencesetFailed", message)],
            Performance = resource.Status?.Performance,
            Events = [Rejection.Event("InferenceSetInvalid", message)],
        };
    }

    public static bool IsReady(WorkspaceResource workspace) => workspace.Metadata.DeletionTimestamp is null
        && Holds(workspace, ConditionTypes.WorkspaceSucceeded);

    private static int Wanted(InferenceSet set) => set.NodeLimit is { } limit
        ? Math.Min(set.Replicas, limit / set.NodesPerReplica!.Value)
        : set.Replicas;

    // The size of a model that is looked up is told by the replicas. Until then those that are there stay, and the first
    // one may take all of the limit.
    private static int NodesPerReplica(InferenceSet set, ImmutableArray<WorkspaceResource> live) => set.NodesPerReplica
        ?? live.Max(static w => w.Status?.TargetNodeCount)
        ?? Math.Max(1, (set.NodeLimit ?? 1) / Math.Max(1, live.Length));

    // Those go first whose loss is felt least: not ready, then out of date, then what has least to do, then the youngest.
    private static ImmutableArray<WorkspaceResource> Surplus(
        string hash, ImmutableArray<WorkspaceResource> live, int wanted, ReplicaFacts facts) =>
    [
        .. live.OrderBy(IsReady)
            .ThenBy(w => IsCurrent(w, hash))
            .ThenByDescending(w => facts.NewerTags.ContainsKey(w.Metadata.Name!))
            .ThenBy(w => facts.Loads.GetValueOrDefault(w.Metadata.Name!).Requests)
            .ThenByDescending(static w => w.Metadata.CreationTimestamp)
            .ThenBy(static w => w.Metadata.Name, StringComparer.Ordinal)
            .Take(Math.Max(0, live.Length - wanted)),
    ];

    private static (ImmutableArray<WorkspaceResource> Update, ImmutableArray<WorkspaceResource> Replace) Rollout(
        InferenceSet set, string hash, ImmutableArray<WorkspaceResource> kept)
    {
        var stale = kept.Where(w => !IsCurrent(w, hash)).ToImmutableArray();
        if (stale.IsEmpty || set.OnDelete)
        {
            return ([], []);
        }

        // What does not serve may change at once; of what serves only as many as the set can do without.
        var budget = set.MaxUnavailable - (set.Replicas - kept.Count(IsReady));
        var now = stale.Where(static w => !IsReady(w))
            .Concat(stale.Where(IsReady).OrderBy(static w => w.Metadata.CreationTimestamp)
                .ThenBy(static w => w.Metadata.Name, StringComparer.Ordinal).Take(Math.Max(0, budget)))
            .ToImmutableArray();
        return
        (
            [.. now.Where(w => ReplicaTemplate.CanBecome(w, set))],
            [.. now.Where(w => !ReplicaTemplate.CanBecome(w, set))]
        );
    }

    private static bool IsCurrent(WorkspaceResource workspace, string hash) =>
        workspace.Metadata.Annotations?.GetValueOrDefault(Annotations.InferenceSetHash) == hash;

    private static ImmutableArray<Condition> Conditions(
        InferenceSet set, ImmutableArray<WorkspaceResource> live, (int Ready, int Wanted) replicas, bool surging)
    {
        var (ready, wanted) = replicas;
        var counts = string.Create(CultureInfo.InvariantCulture, $"{ready}/{wanted}");
        var problem = live.Where(static w => !IsReady(w)).Select(Problem).FirstOrDefault(static p => p is not null);
        var limited = wanted < set.Replicas
            ? $"; spec.nodeCountLimit {set.NodeLimit} allows {wanted} of {set.Replicas} replicas"
            : "";
        var readiness = ready >= wanted && (live.Length == wanted || surging)
            ? WorkspaceConditions.Met(ConditionTypes.InferenceSetReady, "inferencesetReady", $"inferenceset is ready{limited}")
            : WorkspaceConditions.Unmet(ConditionTypes.InferenceSetReady, "inferencesetNotReady",
                $"inferenceset is not ready, {counts} replicas are ready{limited}{(problem is null ? "" : $"; {problem}")}");
        if (!live.Any(static w => w.Status?.Conditions?.Any(static c => c.Type == ConditionTypes.BenchmarkCompleted) == true))
        {
            return [readiness];
        }

        var measured = live.Count(static w => Holds(w, ConditionTypes.BenchmarkCompleted));
        var text = string.Create(CultureInfo.InvariantCulture, $"{measured}/{wanted} replicas benchmarked");
        return
        [
            readiness,
            measured == wanted && wanted > 0
                ? WorkspaceConditions.Met(ConditionTypes.BenchmarkCompleted, "BenchmarkCompleted", text)
                : WorkspaceConditions.Unmet(ConditionTypes.BenchmarkCompleted, "BenchmarkPending", text),
        ];
    }

    private static string? Problem(WorkspaceResource workspace)
    {
        var conditions = workspace.Status?.Conditions ?? [];
        var told = conditions.FirstOrDefault(static c =>
                c is { Type: ConditionTypes.ResourceReady, Status: Condition.False, Message.Length: > 0 })
            ?? conditions.FirstOrDefault(static c =>
                c is { Type: ConditionTypes.InferenceReady, Status: Condition.False, Message.Length: > 0 });
        return told is null ? null : $"{workspace.Metadata.Name}: {told.Message}";
    }

    private static PerformanceStatus? Performance(ImmutableArray<WorkspaceResource> live)
    {
        var peaks = live.Where(IsReady)
            .Select(static w => w.Status?.Performance?.Metrics?.GetValueOrDefault(Peak))
            .OfType<PerformanceMetric>()
            .ToImmutableArray();
        if (peaks.IsEmpty)
        {
            return null;
        }

        var sum = peaks.Sum(static p =>
            double.TryParse(p.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : 0);
        return new()
        {
            Metrics = ImmutableSortedDictionary<string, PerformanceMetric>.Empty.Add(AggregatedPeak, new()
            {
                Description = peaks[0].Description,
                Value = sum.ToString("F2", CultureInfo.InvariantCulture),
                Unit = peaks[0].Unit,
                Config = (peaks[0].Config ?? ImmutableSortedDictionary<string, string>.Empty)
                    .Where(static c => c.Key is "engine" or "engineVersion" or "quantization")
                    .ToImmutableSortedDictionary(),
            }),
        };
    }

    private static ImmutableArray<Occurrence> Events(InferenceSet set, int wanted) =>
    [
        .. set.Warnings.Select(static w => new Occurrence(true, "InferenceSetWarning", w)),
        .. wanted < set.Replicas
            ? [new Occurrence(true, "NodeCountLimited",
                $"spec.nodeCountLimit {set.NodeLimit} allows {wanted} of {set.Replicas} replicas of {set.NodesPerReplica} node(s).")]
            : ImmutableArray<Occurrence>.Empty,
    ];

    private static bool Holds(WorkspaceResource workspace, string type) =>
        workspace.Status?.Conditions?.Any(c => c.Type == type && c.Status == Condition.True) == true;
}
