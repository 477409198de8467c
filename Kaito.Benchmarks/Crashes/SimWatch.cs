using System.Runtime.CompilerServices;
using Kaito.DevCluster.Storage;

namespace Kaito.Benchmarks.Crashes;

/// <summary>One watch of the operator on the journal, with the faults of the run.</summary>
internal sealed class SimWatch(Simulation world, WatchRequest request, int seed)
{
    private const int Repeats = 3;
    private const int ForgottenEvery = 7;
    private readonly Random _random = new(seed);
    private readonly List<WatchEvent> _told = [];
    private int _count;

    /// <summary>Changes in order, until cancelled or the server has forgotten the version.</summary>
    public async IAsyncEnumerable<WatchEvent> RunAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var journal = world.Store.Journal;
        var at = 0;
        while (at < journal.Count && journal[at].ResourceVersion <= request.FromResourceVersion)
        {
            at++;
        }

        while (!cancellationToken.IsCancellationRequested)
        {
            if (at == journal.Count)
            {
                await world.GrownAsync(at);
                continue;
            }

            if (WatchFilter.Seen(request, journal[at++]) is not { } seen)
            {
                continue;
            }

            await PauseAsync();
            foreach (var told in Told(seen))
            {
                yield return told;
            }
        }
    }

    private async Task PauseAsync()
    {
        if (world.Faults.Watches == WatchFault.Late)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(_random.Next(0, 4000)), world.Clock, CancellationToken.None);
        }
        else if (world.Faults.Watches == WatchFault.WhenIdle)
        {
            await world.IdleAsync();
        }
    }

    private IEnumerable<WatchEvent> Told(WatchEvent seen)
    {
        _count++;
        yield return seen;
        if (world.Faults.Watches == WatchFault.Repeated)
        {
            foreach (var old in _told.TakeLast(Repeats))
            {
                yield return old;
            }

            _told.Add(seen);
        }

        if (world.Faults.Watches == WatchFault.Forgotten && (_count + seed) % ForgottenEvery == 0)
        {
            throw ApiStatusException.Expired(seen.ResourceVersion, seen.ResourceVersion);
        }
    }
}
