using Kaito.InferenceHost.Downloads;

namespace Kaito.Tests.InferenceHost.Downloads;

public sealed class DownloadProgressTests
{
    private readonly ManualTime _time = ManualTime.AtEpoch();

    [Fact]
    public void Nothing_ToFetch_IsZero()
    {
        var progress = new DownloadProgress(_time);

        Assert.Equal((0, 0), (progress.Speed, progress.Remaining));
    }

    [Fact]
    public void Bytes_Coming_GiveTheirSpeedAndTheRest()
    {
        var progress = new DownloadProgress(_time);
        progress.Begin(expected: 1000, have: 200);
        for (var second = 0; second < 4; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            progress.Add(100);
        }

        Assert.Equal((100, 4), (progress.Speed, progress.Remaining));
    }

    [Fact]
    public void Nothing_Coming_IsASpeedOfZeroAndNobodyKnowsHowLong()
    {
        var progress = new DownloadProgress(_time);
        progress.Begin(expected: 1000, have: 900);
        _time.Advance(TimeSpan.FromSeconds(30));

        Assert.Equal((0, -1), (progress.Speed, progress.Remaining));
    }

    [Fact]
    public void Speed_LongAgo_IsForgotten()
    {
        var progress = new DownloadProgress(_time);
        progress.Begin(expected: 0, have: 0);
        progress.Add(1_000_000);
        for (var i = 0; i < 20; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(2));
            progress.Add(20);
        }

        Assert.Equal((10, -1), (progress.Speed, progress.Remaining));
    }

    [Fact]
    public void Bytes_ThatWereWrong_NeverMakeItNegative()
    {
        var progress = new DownloadProgress(_time);
        progress.Begin(expected: 100, have: 100);
        _time.Advance(TimeSpan.FromSeconds(1));
        progress.Add(-100);
        Assert.Equal((0, -1), (progress.Speed, progress.Remaining));

        _time.Advance(TimeSpan.FromSeconds(1));
        progress.Add(400);
        Assert.Equal(0, progress.Remaining);
        progress.End();
        Assert.Equal((0, 0), (progress.Speed, progress.Remaining));
    }
}
