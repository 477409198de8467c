using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Pods;

/// <summary>How a probe is run.</summary>
internal sealed record ProbeSettings(
    TimeSpan InitialDelay, TimeSpan Period, TimeSpan Timeout, int SuccessThreshold, int FailureThreshold)
{
    /// <summary>Reads a probe of a container; Kubernetes' defaults for what is left out.</summary>
    public static ProbeSettings Read(JsonObject probe) => new(
        TimeSpan.FromSeconds(probe.Number("initialDelaySeconds") ?? 0),
        TimeSpan.FromSeconds(Math.Max(1, probe.Number("periodSeconds") ?? 10)),
        TimeSpan.FromSeconds(Math.Max(1, probe.Number("timeoutSeconds") ?? 1)),
        Math.Max(1, probe.Number("successThreshold") ?? 1),
        Math.Max(1, probe.Number("failureThreshold") ?? 3));
}

/// <summary>What a series of probe results means. Null: not decided yet.</summary>
internal sealed record ProbeState(bool? Passing, int Successes, int Failures, DateTimeOffset? CountedFailure, bool EverPassed)
{
    private static readonly TimeSpan s_eager = TimeSpan.FromMilliseconds(100);

    public static ProbeState Start { get; } = new(null, 0, 0, null, false);

    /// <summary>
    /// The state after a result. An eager probe is tried more often than its period until it first succeeds; its failures
    /// count once per period, and not before the initial delay, so that it gives up no earlier than Kubernetes would.
    /// </summary>
    public ProbeState Next(bool success, ProbeSettings settings, DateTimeOffset now, DateTimeOffset started)
    {
        if (success)
        {
            var successes = Successes + 1;
            var passing = successes >= settings.SuccessThreshold ? true : Passing;
            return new(passing, successes, 0, null, EverPassed || passing == true);
        }

        var due = CountedFailure is { } last ? last + settings.Period : started + settings.InitialDelay;
        if (!EverPassed && now < due)
        {
            return this with { Successes = 0 };
        }

        var failures = Failures + 1;
        return new(failures >= settings.FailureThreshold ? false : Passing, 0, failures, now, EverPassed);
    }

    /// <summary>The pause before the next try: 100 ms while an eager probe has never passed.</summary>
    public TimeSpan Pause(ProbeSettings settings, bool eager) => eager && !EverPassed ? s_eager : settings.Period;
}
