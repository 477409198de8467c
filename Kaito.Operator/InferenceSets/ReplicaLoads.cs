using System.Collections.Concurrent;
using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.InferenceSets;

/// <summary>Asks replicas what they have to do, each at most every ten seconds.</summary>
/// <param name="podsOf">The pods of a Workspace.</param>
/// <param name="read">The page /metrics of a pod; null when there is none.</param>
/// <param name="clock">Tells the time.</param>
internal sealed class ReplicaLoads(
    Func<WorkspaceResource, IEnumerable<Pod>> podsOf, Func<Pod, CancellationToken, Task<string?>> read, TimeProvider clock)
{
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_forget = TimeSpan.FromMinutes(10);

    private readonly ConcurrentDictionary<string, (DateTimeOffset At, double Tokens)> _counts = new();
    private readonly ConcurrentDictionary<string, (DateTimeOffset At, ReplicaLoad? Load)> _loads = new();

    /// <summary>The load of each Workspace that answers, by name. The first answer of a pod tells no rate, and does not count.</summary>
    public async Task<ImmutableDictionary<string, ReplicaLoad>> ReadAsync(
        IEnumerable<WorkspaceResource> replicas, CancellationToken cancellationToken)
    {
        Forget();
        var asked = await Task.WhenAll(replicas.Select(async replica =>
            (replica.Metadata.Name, Load: await ReadAsync(replica, cancellationToken))));
        return asked.Where(static a => a.Load is not null)
            .ToImmutableDictionary(static a => a.Name!, static a => a.Load!.Value);
    }

    private async Task<ReplicaLoad?> ReadAsync(WorkspaceResource replica, CancellationToken cancellationToken)
    {
        var key = replica.Metadata.Uid ?? "";
        if (_loads.TryGetValue(key, out var last) && clock.GetUtcNow() - last.At < s_fresh)
        {
            return last.Load;
        }

        // Pods of one model on several nodes that do not answer are no replicas of their own.
        var pods = await Task.WhenAll(podsOf(replica).Where(IsReady).Select(
            pod => ReadAsync(pod, cancellationToken)));
        var known = pods.OfType<ReplicaLoad>().ToImmutableArray();
        ReplicaLoad? load = known.IsEmpty
            ? null
            : new(known.Sum(static p => p.Requests), known.Sum(static p => p.TokensPerSecond));
        _loads[key] = (clock.GetUtcNow(), load);
        return load;
    }

    private async Task<ReplicaLoad?> ReadAsync(Pod pod, CancellationToken cancellationToken)
    {
        if (await read(pod, cancellationToken) is not { } text || ServingMetrics.Parse(text) is not { } now)
        {
            return null;
        }

        var (key, at) = (pod.Metadata.Uid ?? "", clock.GetUtcNow());
        var known = _counts.TryGetValue(key, out var before);
        _counts[key] = (at, now.Tokens);
        var seconds = (at - before.At).TotalSeconds;

        // A count that fell is that of another process.
        return known && seconds > 0 && now.Tokens >= before.Tokens
            ? new(now.Requests, (now.Tokens - before.Tokens) / seconds)
            : null;
    }

    private void Forget()
    {
        var oldest = clock.GetUtcNow() - s_forget;
        foreach (var gone in _counts.Where(c => c.Value.At < oldest))
        {
            _counts.TryRemove(gone);
        }

        foreach (var gone in _loads.Where(c => c.Value.At < oldest))
        {
            _loads.TryRemove(gone);
        }
    }

    private static bool IsReady(Pod pod) => pod.Metadata.DeletionTimestamp is null
        && (pod.Status?.Conditions ?? []).Any(static c => c is { Type: "Ready", Status: Condition.True });
}
