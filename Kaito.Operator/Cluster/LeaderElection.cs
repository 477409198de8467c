using System.Globalization;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Cluster;

/// <summary>At most one process with the Lease leads. Losing it cancels what the leader runs.</summary>
internal sealed partial class LeaderElection(
    IKubeApi api, LeaseName lease, string identity, TimeProvider clock, ILogger<LeaderElection> logger,
    LeaderTerm? term = null)
{
    private static readonly TimeSpan s_duration = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_renewDeadline = LeaderTerm.Length;
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(2);

    // Another's renewals are timed by when we saw them: clocks of two machines differ.
    private string? _seenVersion;
    private long _seenAt;

    /// <summary>
    /// Waits for the lease, runs <paramref name="lead"/>, and gives the lease back when asked to stop.
    /// </summary>
    /// <exception cref="TimeoutException">The lease was lost; the process should end and start again.</exception>
    public async Task RunAsync(Func<CancellationToken, Task> lead, CancellationToken stoppingToken)
    {
        term?.Require();
        while (!await TryHoldAsync(stoppingToken))
        {
            await Task.Delay(s_period, clock, stoppingToken);
        }

        LogLeading(identity);
        using var leading = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        var work = lead(leading.Token);
        try
        {
            await RenewAsync(work, stoppingToken);
        }
        finally
        {
            await leading.CancelAsync();
            await Task.WhenAny(work);
            if (stoppingToken.IsCancellationRequested)
            {
                await ReleaseAsync();
            }
        }

        await work;
    }

    /// <summary>Takes or renews the lease; false while another holds it.</summary>
    internal async Task<bool> TryHoldAsync(CancellationToken cancellationToken)
    {
        var asked = clock.GetTimestamp();
        if (!await TryWriteAsync(cancellationToken))
        {
            return false;
        }

        term?.Renew(asked);
        return true;
    }

    private async Task<bool> TryWriteAsync(CancellationToken cancellationToken)
    {
        try
        {
            var current = await api.GetAsync(KubeKinds.Leases, lease.Namespace, lease.Name, cancellationToken);
            if (current is null)
            {
                await api.CreateAsync(KubeKinds.Leases, Taken(null), cancellationToken);
                return true;
            }

            if (current.Metadata.ResourceVersion != _seenVersion)
            {
                (_seenVersion, _seenAt) = (current.Metadata.ResourceVersion, clock.GetTimestamp());
            }

            var holder = current.Spec?.HolderIdentity;
            if (!string.IsNullOrEmpty(holder) && holder != identity && clock.GetElapsedTime(_seenAt) < s_duration)
            {
                return false;
            }

            await api.ReplaceAsync(KubeKinds.Leases, Taken(current), cancellationToken);
            return true;
        }
        catch (Exception wrong) when (wrong is KubeException or HttpRequestException or TimeoutException)
        {
            LogFailed(wrong.Message);
            return false;
        }
    }

    private async Task RenewAsync(Task work, CancellationToken stoppingToken)
    {
        var renewed = clock.GetTimestamp();
        while (!work.IsCompleted)
        {
            var pause = Task.Delay(s_period, clock, stoppingToken);
            if (await Task.WhenAny(work, pause) == work || stoppingToken.IsCancellationRequested)
            {
                return;
            }

            if (await TryHoldAsync(stoppingToken))
            {
                renewed = clock.GetTimestamp();
            }
            else if (clock.GetElapsedTime(renewed) > s_renewDeadline)
            {
                throw new TimeoutException(
                    $"The lease {lease.Namespace}/{lease.Name} could not be renewed for "
                    + $"{s_renewDeadline.TotalSeconds} s.");
            }
        }
    }

    private async Task ReleaseAsync()
    {
        // Runs after the stop was asked for, so that the next leader need not wait for the lease to run out.
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(3), clock);
        try
        {
            var current = await api.GetAsync(KubeKinds.Leases, lease.Namespace, lease.Name, limit.Token);
            if (current?.Spec?.HolderIdentity == identity)
            {
                var free = current with { Spec = current.Spec with { HolderIdentity = "", LeaseDurationSeconds = 1 } };
                await api.ReplaceAsync(KubeKinds.Leases, free, limit.Token);
            }
        }
        catch (Exception wrong) when (wrong is KubeException or HttpRequestException or OperationCanceledException
            or TimeoutException)
        {
            LogFailed(wrong.Message);
        }
    }

    private Lease Taken(Lease? current)
    {
        var now = clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
        var same = current?.Spec?.HolderIdentity == identity;
        return new()
        {
            Metadata = current?.Metadata ?? new() { Name = lease.Name, Namespace = lease.Namespace },
            Spec = new()
            {
                HolderIdentity = identity,
                LeaseDurationSeconds = (int)s_duration.TotalSeconds,
                AcquireTime = same ? current!.Spec!.AcquireTime : now,
                RenewTime = now,
                LeaseTransitions = (current?.Spec?.LeaseTransitions ?? 0) + (same || current is null ? 0 : 1),
            },
        };
    }

    [LoggerMessage(LogLevel.Information, "{Identity} leads")]
    private partial void LogLeading(string identity);

    [LoggerMessage(LogLevel.Warning, "The lease could not be taken or renewed: {Problem}")]
    private partial void LogFailed(string problem);
}

/// <summary>Where the lease is.</summary>
internal sealed record LeaseName(string Namespace, string Name);
