using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Operator.Workspaces;

/// <summary>
/// What the cluster says of pods that do not come or do not start: only its events tell of a quota, a missing Secret of a
/// volume, a ServiceAccount. Events are many, and so they are asked for only when a workload has waited for a while.
/// </summary>
internal sealed class PodWarnings(IKubeApi api, TimeProvider clock)
{
    private const int Most = 20;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(10);
    private readonly ConcurrentDictionary<string, long> _waiting = new(StringComparer.Ordinal);

    /// <summary>The warnings, and when to look again; neither while nothing waits.</summary>
    /// <param name="key">The Workspace.</param>
    /// <param name="observed">What there is.</param>
    /// <param name="cancellationToken">Ends the requests.</param>
    public async Task<(ImmutableArray<KubeEvent> Warnings, TimeSpan? Recheck)> AskAsync(
        string key, WorkspaceObservation observed, CancellationToken cancellationToken)
    {
        var suspects = Suspects(observed);
        if (suspects.IsEmpty)
        {
            _waiting.TryRemove(key, out _);
            return ([], null);
        }

        var waited = clock.GetElapsedTime(_waiting.GetOrAdd(key, _ => clock.GetTimestamp()));
        if (waited < s_patience)
        {
            return ([], s_patience - waited);
        }

        var warnings = new List<KubeEvent>();
        foreach (var suspect in suspects)
        {
            warnings.AddRange(await OfAsync(suspect, cancellationToken));
        }

        return ([.. warnings.OrderByDescending(static w => w.LastTimestamp).Take(Most)],
            waited < s_longestPause ? waited : s_longestPause);
    }

    public void Forget(string key) => _waiting.TryRemove(key, out _);

    // The workload, while it lacks pods; and the first pod that nobody has started.
    private static ImmutableArray<IKubeObject> Suspects(WorkspaceObservation observed)
    {
        var wanted = observed.Workload?.Spec?.Replicas
            ?? (observed.Job is { Status.Succeeded: null or 0 } job && !TuningConditions.IsOver(job) ? 1 : 0);
        var workload = (IKubeObject?)observed.Workload ?? observed.Job;
        var suspects = ImmutableArray.CreateBuilder<IKubeObject>();
        if (workload is not null && observed.Pods.Length < wanted && !Serves(observed.Workload, wanted))
        {
            suspects.Add(workload);
        }

        if (observed.Pods.FirstOrDefault(static p => p is { Status.Phase: "Pending", Metadata.DeletionTimestamp: null })
            is { } pod)
        {
            suspects.Add(pod);
        }

        return suspects.ToImmutable();
    }

    // The copies of pods may be late; what the workload itself says is enough.
    private static bool Serves(StatefulSet? workload, int wanted) => workload?.Status?.ReadyReplicas >= wanted;

    private async Task<IEnumerable<KubeEvent>> OfAsync(IKubeObject about, CancellationToken cancellationToken)
    {
        var fields = Uri.EscapeDataString($"involvedObject.uid={about.Metadata.Uid},type=Warning");
        try
        {
            var list = await api.GetAsync(
                $"{KubeKinds.Events.Collection(about.Metadata.Namespace)}?fieldSelector={fields}", cancellationToken);
            return (list?["items"] as JsonArray ?? [])
                .Select(static item => item.Deserialize(KubeJson.Default.KubeEvent)).OfType<KubeEvent>();
        }
        catch (Exception wrong) when (wrong is KubeException or JsonException)
        {
            // It only explains.
            return [];
        }
    }
}
