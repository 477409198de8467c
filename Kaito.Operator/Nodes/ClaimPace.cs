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
/// <remarks>
/// Timed by how long this process has waited and not by anybody's clock: a clock that jumps neither deletes claims nor holds
/// them back.
/// </remarks>
internal sealed class ClaimPace(TimeProvider clock)
{
    /// <summary>How long a claim may take before it is replaced; doubles with each replacement in a row.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(15);

    private static readonly TimeSpan s_longestPatience = TimeSpan.FromHours(2);
    private static readonly TimeSpan s_first = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(5);

    private readonly ConcurrentDictionary<string, ImmutableDictionary<string, Request>> _made =
        new(StringComparer.Ordinal);

    private readonly ConcurrentDictionary<string, ImmutableDictionary<string, Wait>> _waits =
        new(StringComparer.Ordinal);

    /// <summary>
    /// Claims that were not ready for so long that nobody seems to work on them, and when the next one will be.
    /// </summary>
    /// <param name="key">The Workspace; one caller at a time.</param>
    /// <param name="there">Its claims now.</param>
    public ClaimWaits Waits(string key, ImmutableArray<NodeClaim> there)
    {
        var before = _waits.GetValueOrDefault(key, ImmutableDictionary<string, Wait>.Empty);
        var now = clock.GetTimestamp();
        var after = ImmutableDictionary.CreateBuilder<string, Wait>();
        var hung = ImmutableHashSet.CreateBuilder<string>();
        TimeSpan? recheck = null;
        foreach (var claim in there)
        {
            var (name, uid) = (claim.Metadata.Name!, claim.Metadata.Uid ?? "");
            if (NodeReadiness.IsReady(claim))
            {
                continue;
            }

            var wait = before.GetValueOrDefault(name) is not { } last ? new Wait(uid, now, Patience)
                : last.Uid == uid ? last
                : new(uid, now, last.Patience * 2 < s_longestPatience ? last.Patience * 2 : s_longestPatience);
            after[name] = wait;
            var left = wait.Patience - clock.GetElapsedTime(wait.Since, now);
            if (left <= TimeSpan.Zero)
            {
                hung.Add(name);
            }
            else
            {
                recheck = recheck < left ? recheck : left;
            }
        }

        // A claim that is gone and asked for again goes on with its patience.
        foreach (var (name, wait) in before.Where(b => there.All(c => c.Metadata.Name != b.Key)))
        {
            after.TryAdd(name, wait);
        }

        _waits[key] = after.ToImmutable();
        return new(hung.ToImmutable(), recheck);
    }

    /// <summary>Which of the missing claims have to wait, and how long.</summary>
    /// <param name="key">The Workspace; one caller at a time.</param>
    /// <param name="there">Its claims now.</param>
    /// <param name="missing">Claims to make.</param>
    public ClaimPause Hold(string key, ImmutableArray<NodeClaim> there, IEnumerable<NodeClaim> missing)
    {
        var made = Seen(key, there)
            .RemoveRange(there.Where(NodeReadiness.IsReady).Select(static c => c.Metadata.Name!));
        var held = ImmutableHashSet.CreateBuilder<string>();
        TimeSpan? recheck = null;
        foreach (var name in missing.Select(static c => c.Metadata.Name!))
        {
            if (made.TryGetValue(name, out var last) && Left(last) is { } left && left > TimeSpan.Zero)
            {
                held.Add(name);
                recheck = recheck < left ? recheck : left;
            }
        }

        _made[key] = made;
        return new(held.ToImmutable(), recheck);
    }

    /// <summary>Claims that were there, are gone without having been ready, and are not asked for again yet.</summary>
    public ImmutableHashSet<string> Refused(string key, ImmutableArray<NodeClaim> there)
    {
        var names = there.Select(static c => c.Metadata.Name!).ToHashSet();
        var made = Seen(key, there);
        _made[key] = made;
        return [.. made.Where(m => m.Value.Seen && Left(m.Value) > TimeSpan.Zero && !names.Contains(m.Key)).Select(static m => m.Key)];
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
        _made[key] = made.SetItem(claim, new(pause, clock.GetTimestamp(), Seen: false));
    }

    public void Forget(string key)
    {
        _made.TryRemove(key, out _);
        _waits.TryRemove(key, out _);
    }

    private TimeSpan Left(Request request) => request.Pause - clock.GetElapsedTime(request.At);

    private sealed record Request(TimeSpan Pause, long At, bool Seen);

    private sealed record Wait(string Uid, long Since, TimeSpan Patience);
}

/// <summary>Claims that are not ready.</summary>
/// <param name="Hung">Names of those that were not for too long.</param>
/// <param name="Recheck">When the next one will have been; null when none waits.</param>
internal sealed record ClaimWaits(ImmutableHashSet<string> Hung, TimeSpan? Recheck)
{
    public static ClaimWaits None { get; } = new([], null);
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
