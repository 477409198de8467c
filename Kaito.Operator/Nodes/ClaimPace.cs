using System.Collections.Concurrent;
using System.Collections.Immutable;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Workspaces;

namespace Kaito.Operator.Nodes;

/// <summary>
/// Spaces out the requests for the same node: a provider that cannot serve a claim may delete it, and one that is asked
/// again
/// at once deletes it again. The pause doubles from 10 s to 5 min and is forgotten when the claims are ready.
/// </summary>
internal sealed class ClaimPace(TimeProvider clock)
{
    private static readonly TimeSpan s_first = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(5);

    private readonly ConcurrentDictionary<string, ImmutableDictionary<string, Request>> _made =
        new(StringComparer.Ordinal);

    /// <summary>Which of the missing claims have to wait, and how long.</summary>
    /// <param name="key">The Workspace; one caller at a time.</param>
    /// <param name="there">Its claims now.</param>
    /// <param name="missing">Claims to make.</param>
    public ClaimPause Hold(string key, ImmutableArray<NodeClaim> there, IEnumerable<NodeClaim> missing)
    {
        var made = Seen(key, there)
            .RemoveRange(there.Where(NodeReadiness.IsReady).Select(static c => c.Metadata.Name!));
        var now = clock.GetUtcNow();
        var held = ImmutableHashSet.CreateBuilder<string>();
        TimeSpan? recheck = null;
        foreach (var name in missing.Select(static c => c.Metadata.Name!))
        {
            if (made.TryGetValue(name, out var last) && last.Next > now)
            {
                held.Add(name);
                recheck = recheck < last.Next - now ? recheck : last.Next - now;
            }
        }

        _made[key] = made;
        return new(held.ToImmutable(), recheck);
    }

    /// <summary>Claims that were there, are gone without having been ready, and are not asked for again yet.</summary>
    public ImmutableHashSet<string> Refused(string key, ImmutableArray<NodeClaim> there)
    {
        var now = clock.GetUtcNow();
        var names = there.Select(static c => c.Metadata.Name!).ToHashSet();
        var made = Seen(key, there);
        _made[key] = made;
        return [.. made.Where(m => m.Value.Seen && m.Value.Next > now && !names.Contains(m.Key)).Select(static m => m.Key)];
    }

    // A claim that was just made may not have reached the local copy: only one that was there can have gone.
    private ImmutableDictionary<string, Request> Seen(string key, ImmutableArray<NodeClaim> there)
    {
        var made = _made.GetValueOrDefault(key, ImmutableDictionary<string, Request>.Empty);
        foreach (var name in there.Select(static c => c.Metadata.Name!))
        {
            made = made.TryGetValue(name, out var request) ? made.SetItem(name, request with { Seen = true }) : made;
        }

        return made;
    }

    /// <summary>A claim was made.</summary>
    public void Made(string key, string claim)
    {
        var made = _made.GetValueOrDefault(key, ImmutableDictionary<string, Request>.Empty);
        var pause = !made.TryGetValue(claim, out var last)
            ? s_first
            : last.Pause * 2 < s_longest ? last.Pause * 2 : s_longest;
        _made[key] = made.SetItem(claim, new(pause, clock.GetUtcNow() + pause, Seen: false));
    }

    public void Forget(string key) => _made.TryRemove(key, out _);

    private sealed record Request(TimeSpan Pause, DateTimeOffset Next, bool Seen);
}

/// <summary>What has to wait.</summary>
/// <param name="Held">Names of the NodeClaims.</param>
/// <param name="Recheck">When the first of them may be made; null when none waits.</param>
internal sealed record ClaimPause(ImmutableHashSet<string> Held, TimeSpan? Recheck)
{
    /// <summary>The plan without what has to wait.</summary>
    public WorkspacePlan Apply(WorkspacePlan plan) => Held.IsEmpty
        ? plan
        : plan with { Apply = [.. plan.Apply.Where(Allows)] };

    /// <summary>Whether an object may be applied now.</summary>
    public bool Allows(IKubeObject desired) => desired is not NodeClaim || !Held.Contains(desired.Metadata.Name!);
}
