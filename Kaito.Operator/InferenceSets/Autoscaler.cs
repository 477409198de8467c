using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core.InferenceSets;

namespace Kaito.Operator.InferenceSets;

/// <summary>What one replica had to do when it was last asked.</summary>
/// <param name="Requests">Requests being served or waiting.</param>
/// <param name="TokensPerSecond">Tokens generated per second since the time before.</param>
internal readonly record struct ReplicaLoad(double Requests, double TokensPerSecond);

/// <summary>What an autoscaler remembers of a set.</summary>
/// <param name="Replicas">The number that it saw or set last.</param>
/// <param name="Since">Since when it has known the set, and nobody else has changed the number.</param>
/// <param name="Wanted">
/// Numbers that would have been enough, oldest first. Those that a later one reaches are left out: they no longer count.
/// </param>
internal sealed record ScaleHistory(
    int Replicas, DateTimeOffset Since, ImmutableArray<(DateTimeOffset At, int Replicas)> Wanted);

/// <param name="Replicas">How many there shall be.</param>
/// <param name="Reason">Why, in words for people; empty when nothing changes.</param>
/// <param name="History">For the next time.</param>
internal sealed record ScaleDecision(int Replicas, string Reason, ScaleHistory History);

/// <summary>PURE: how many replicas a set needs.</summary>
/// <remarks>
/// More at once, but at most twice as many or four more; fewer only when fewer were enough during the whole delay. A
/// replica that could not be asked counts as fully used when fewer are considered, and as unused when more are: it may
/// have just started. The state is in memory alone: after a restart the delay begins anew.
/// </remarks>
internal static class Autoscaler
{
    private const double Tolerance = 0.1;

    /// <param name="rules">The user's.</param>
    /// <param name="current">The set's <c>spec.replicas</c>.</param>
    /// <param name="loads">Of the replicas that answered.</param>
    /// <param name="before">From the last time; null at the first.</param>
    /// <param name="now">The moment.</param>
    public static ScaleDecision Decide(
        Autoscaling rules, int current, ImmutableArray<ReplicaLoad> loads, ScaleHistory? before, DateTimeOffset now)
    {
        // Somebody who changes the number has reasons: it counts for the length of the delay.
        var history = before is null || before.Replicas != current ? new(current, now, []) : before;
        if (current < rules.Min || current > rules.Max)
        {
            var (bound, name) = current < rules.Min ? (rules.Min, "minReplicas") : (rules.Max, "maxReplicas");
            return new(bound, $"{name} is {bound}", history with { Replicas = bound });
        }

        var need = Need(rules, loads);
        var unknown = Math.Max(0, current - loads.Length);
        var enough = need > current * (1 + Tolerance)
            ? Math.Min((int)Math.Ceiling(need), Math.Min(rules.Max, Math.Max(current * 2, current + 4)))
            : Math.Clamp((int)Math.Ceiling(need) + unknown, rules.Min, Math.Max(rules.Min, current));
        history = history with { Wanted = Remember(history.Wanted, (now, enough), now - rules.ScaleDownDelay) };
        var next = enough >= current ? enough
            : now - history.Since >= rules.ScaleDownDelay ? Math.Min(current, history.Wanted.Max(static w => w.Replicas))
            : current;
        return next == current
            ? new(current, "", history)
            : new(next, Explain(rules, loads, need), history with
            {
                Replicas = next,
                Since = next > current ? now : history.Since,
            });
    }

    // A sleeping set has nobody to ask; what little an awake one has to do needs one replica.
    private static double Need(Autoscaling rules, ImmutableArray<ReplicaLoad> loads) => Math.Max(
        rules.Requests is { } requests ? loads.Sum(static l => l.Requests) / requests : 0,
        rules.TokensPerSecond is { } tokens ? loads.Sum(static l => l.TokensPerSecond) / tokens : 0);

    private static ImmutableArray<(DateTimeOffset At, int Replicas)> Remember(
        ImmutableArray<(DateTimeOffset At, int Replicas)> before, (DateTimeOffset At, int Replicas) latest,
        DateTimeOffset oldest) =>
        [.. before.Where(w => w.At >= oldest && w.Replicas > latest.Replicas), latest];

    private static string Explain(Autoscaling rules, ImmutableArray<ReplicaLoad> loads, double need) => string.Create(
        CultureInfo.InvariantCulture,
        $"{loads.Sum(static l => l.Requests):0} requests and {loads.Sum(static l => l.TokensPerSecond):0} tokens/s "
        + $"are work for {need:0.0} replicas at {Targets(rules)}");

    private static string Targets(Autoscaling rules) => string.Join(" and ", new[]
    {
        rules.Requests is { } requests ? string.Create(CultureInfo.InvariantCulture, $"{requests} requests") : null,
        rules.TokensPerSecond is { } tokens ? string.Create(CultureInfo.InvariantCulture, $"{tokens} tokens/s") : null,
    }.OfType<string>());
}
