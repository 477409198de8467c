using System.Diagnostics;
using System.Threading.Channels;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Benchmarks.LocalRuns;

/// <summary>A watch that notes when it saw each change, on this process's monotonic clock.</summary>
internal sealed class Sightings<T> : IAsyncDisposable
    where T : class, IKubeObject
{
    // A Workspace's life is some dozens of changes; nothing reads while the reader waits for another kind.
    private const int Capacity = 4096;

    private readonly Channel<(long At, T Seen)> _seen = Channel.CreateBounded<(long, T)>(Capacity);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watching;

    private Sightings(IKubeApi api, KubeKind<T> kind, string version) => _watching = WatchAsync(api, kind, version);

    /// <summary>Sees what happens from now on.</summary>
    public static async Task<Sightings<T>> StartAsync(
        IKubeApi api, KubeKind<T> kind, CancellationToken cancellationToken)
    {
        var list = await api.ListAsync(kind, null, null, cancellationToken);
        return new(api, kind, list.ResourceVersion);
    }

    /// <summary>The timestamp of the first change that fits; changes before it are forgotten.</summary>
    public async Task<long> FirstAsync(Func<T, bool> fits, CancellationToken cancellationToken)
    {
        while (true)
        {
            var (at, seen) = await _seen.Reader.ReadAsync(cancellationToken);
            if (fits(seen))
            {
                return at;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching;
        _stop.Dispose();
    }

    private async Task WatchAsync(IKubeApi api, KubeKind<T> kind, string version)
    {
        try
        {
            await foreach (var change in api.WatchAsync(kind, null, version, _stop.Token))
            {
                if (change is WatchEvent<T>.Upserted upserted)
                {
                    await _seen.Writer.WriteAsync((Stopwatch.GetTimestamp(), upserted.Object), _stop.Token);
                }
            }

            _seen.Writer.Complete();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Nobody reads any more.
        }
        catch (Exception failure) when (failure is KubeException or HttpRequestException or IOException
            or TimeoutException)
        {
            _seen.Writer.Complete(failure);
        }
    }
}
