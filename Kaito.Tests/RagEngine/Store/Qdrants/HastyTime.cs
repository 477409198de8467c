namespace Kaito.Tests.RagEngine.Store.Qdrants;

/// <summary>A clock without pauses: waits of seconds end at once, waits of minutes never.</summary>
/// <param name="ahead">What it shows beyond the real time.</param>
internal sealed class HastyTime(TimeSpan ahead = default) : TimeProvider
{
    private static readonly TimeSpan s_short = TimeSpan.FromSeconds(30);

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + ahead;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        base.CreateTimer(callback, state, dueTime < s_short ? TimeSpan.Zero : Timeout.InfiniteTimeSpan, period);
}
