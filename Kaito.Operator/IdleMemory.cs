using Kaito.Operator.Cluster;
using Kaito.Operator.InferenceSets;
using Kaito.Operator.RagEngines;

namespace Kaito.Operator;

/// <summary>
/// Gives memory back when a burst of work is over. The collector would keep it for the next burst, which for an operator
/// may be weeks away.
/// </summary>
internal sealed class IdleMemory(
    WorkQueue workspaces, InferenceSetObserver sets, RagEngineObserver engines, TimeProvider clock)
{
    private const long Worthwhile = 64 << 20;
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(5);

    public async Task RunAsync(CancellationToken stoppingToken)
    {
        var (seen, trimmed) = (-1L, 0L);
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(s_idle, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var adds = workspaces.Adds + sets.Queue.Adds + engines.Queue.Adds;
            if (adds == seen && GC.GetTotalAllocatedBytes() - trimmed > Worthwhile)
            {
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                trimmed = GC.GetTotalAllocatedBytes();
            }

            seen = adds;
        }
    }
}
