using System.Globalization;
using Kaito.Core.InferenceSets;

namespace Kaito.Tests.Core.InferenceSets;

public sealed class CronScheduleTests
{
    [Theory]
    [InlineData("0 2 * * 6", "2026-11-21T02:00:00Z", true)] // the opening instant of a Saturday
    [InlineData("0 2 * * 6", "2026-11-21T05:59:59Z", true)]
    [InlineData("0 2 * * 6", "2026-11-21T06:00:00Z", false)] // the closing instant
    [InlineData("0 2 * * 6", "2026-11-22T02:30:00Z", false)] // another day
    [InlineData("0 2 * * SAT", "2026-11-21T03:00:00Z", true)]
    [InlineData("0 2 * * 1-5", "2026-11-21T03:00:00Z", false)]
    [InlineData("30 22 * * *", "2026-11-21T01:00:00Z", true)] // over midnight
    [InlineData("*/20 3 * * *", "2026-11-21T07:41:00Z", false)] // the last opening was 03:40
    [InlineData("*/20 3 * * *", "2026-11-21T07:39:00Z", true)]
    [InlineData("0 0 1 jan,nov *", "2026-11-01T00:00:00Z", true)]
    [InlineData("0 0 31 * *", "2026-11-30T00:00:00Z", false)]
    [InlineData("0 0 13 * 5", "2026-11-20T00:00:00Z", true)] // Friday, or the 13th
    [InlineData("0 0 13 * 5", "2026-11-13T00:00:00Z", true)]
    [InlineData("0 0 * * 7", "2026-11-22T00:00:00Z", true)] // Sunday
    [InlineData("10-20/5 0 ? * ?", "2026-11-22T00:15:00Z", true)]
    [InlineData("@daily", "2026-11-21T00:00:00Z", true)]
    [InlineData("@Weekly", "2026-11-21T00:00:00Z", false)]
    public void IsOpen_FourHours_FromTheOpeningOn(string text, string now, bool open)
    {
        Assert.True(CronSchedule.TryParse(text, out var schedule, out var problem), problem);

        Assert.Equal(open, schedule.IsOpen(DateTimeOffset.Parse(now, CultureInfo.InvariantCulture), TimeSpan.FromHours(4)));
    }

    [Theory]
    [InlineData("", "five fields")]
    [InlineData("* * * *", "five fields")]
    [InlineData("@reboot", "five fields")]
    [InlineData("60 * * * *", "minute")]
    [InlineData("* 24 * * *", "hour")]
    [InlineData("* * 0 * *", "day of month")]
    [InlineData("* * * 13 *", "month")]
    [InlineData("* * * * mo", "day of week")]
    [InlineData("5-3 * * * *", "minute")]
    [InlineData("*/0 * * * *", "minute")]
    [InlineData("1, * * * *", "minute")]
    [InlineData("-1 * * * *", "minute")]
    public void TryParse_Malformed_NamesTheField(string text, string named)
    {
        Assert.False(CronSchedule.TryParse(text, out _, out var problem));

        Assert.Contains(named, problem, StringComparison.Ordinal);
    }
}
