using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Kaito.Core.InferenceSets;

/// <summary>
/// A schedule of five cron fields in UTC: minute, hour, day of month, month, day of week. Names of months and days, lists,
/// ranges, steps, <c>?</c> and the words @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually are read.
/// </summary>
/// <remarks>As in Vixie cron, a day fits either day field when both are restricted, and Sunday is 0 and 7.</remarks>
public sealed class CronSchedule
{
    private static readonly ImmutableDictionary<string, string> s_words = new Dictionary<string, string>
    {
        ["@hourly"] = "0 * * * *",
        ["@daily"] = "0 0 * * *",
        ["@midnight"] = "0 0 * * *",
        ["@weekly"] = "0 0 * * 0",
        ["@monthly"] = "0 0 1 * *",
        ["@yearly"] = "0 0 1 1 *",
        ["@annually"] = "0 0 1 1 *",
    }.ToImmutableDictionary();

    private static readonly Field[] s_fields =
    [
        new("minute", 0, 59, []),
        new("hour", 0, 23, []),
        new("day of month", 1, 31, []),
        new("month", 1, 12, ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
        new("day of week", 0, 7, ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
    ];

    // One bit for each value that fits.
    private readonly ulong[] _fits;
    private readonly bool _anyDayOfMonth;
    private readonly bool _anyDayOfWeek;

    private CronSchedule(ulong[] fits, string[] texts)
    {
        _fits = fits;
        _anyDayOfMonth = texts[2][0] is '*' or '?';
        _anyDayOfWeek = texts[4][0] is '*' or '?';
    }

    /// <summary>Reads a schedule.</summary>
    /// <param name="text">As the user wrote it.</param>
    /// <param name="schedule">The schedule.</param>
    /// <param name="problem">What is wrong with it, as the end of a sentence.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out CronSchedule? schedule, out string problem)
    {
        schedule = null;
        var fields = (s_words.GetValueOrDefault(text.Trim().ToLowerInvariant()) ?? text)
            .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length != s_fields.Length)
        {
            problem = "does not have five fields, such as \"0 2 * * 6\", and is not a word such as @daily";
            return false;
        }

        var fits = new ulong[fields.Length];
        for (var i = 0; i < fields.Length; i++)
        {
            if (!s_fields[i].TryParse(fields[i], out fits[i]))
            {
                problem = $"has \"{fields[i]}\" as {s_fields[i].Name}, which is not in {s_fields[i].Low}-{s_fields[i].High}";
                return false;
            }
        }

        fits[4] |= (fits[4] >> 7) & 1;
        problem = "";
        schedule = new(fits, fields);
        return true;
    }

    /// <summary>Whether a window of <paramref name="duration"/> that opens by this schedule is open.</summary>
    /// <param name="now">The moment; the opening instant is inside, the closing one is outside.</param>
    /// <param name="duration">Greater than zero; the part over 31 days does not count.</param>
    public bool IsOpen(DateTimeOffset now, TimeSpan duration)
    {
        var moment = now.UtcDateTime;
        var earliest = moment - (duration < TimeSpan.FromDays(31) ? duration : TimeSpan.FromDays(31));
        for (var minute = moment.AddTicks(-(moment.Ticks % TimeSpan.TicksPerMinute));
            minute > earliest;
            minute = minute.AddMinutes(-1))
        {
            if (Opens(minute))
            {
                return true;
            }
        }

        return false;
    }

    private bool Opens(DateTime minute) =>
        Has(0, minute.Minute) && Has(1, minute.Hour) && Has(3, minute.Month) && OnDay(minute);

    private bool OnDay(DateTime minute)
    {
        var (month, week) = (Has(2, minute.Day), Has(4, (int)minute.DayOfWeek));
        return _anyDayOfMonth || _anyDayOfWeek ? month && week : month || week;
    }

    private bool Has(int field, int value) => (_fits[field] >> value & 1) == 1;

    private sealed record Field(string Name, int Low, int High, ImmutableArray<string> Names)
    {
        public bool TryParse(string text, out ulong fits)
        {
            fits = 0;
            foreach (var part in text.Split(','))
            {
                if (!TryPart(part, ref fits))
                {
                    return false;
                }
            }

            return true;
        }

        private bool TryPart(string text, ref ulong fits)
        {
            var step = 1;
            var range = text;
            if (text.IndexOf('/', StringComparison.Ordinal) is >= 0 and var slash)
            {
                range = text[..slash];
                if (!int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out step) || step == 0)
                {
                    return false;
                }
            }

            if (!TryRange(range, stepped: range.Length < text.Length, out var low, out var high))
            {
                return false;
            }

            for (var value = low; value <= high; value += step)
            {
                fits |= 1UL << value;
            }

            return true;
        }

        private bool TryRange(string text, bool stepped, out int low, out int high)
        {
            (low, high) = (Low, High);
            if (text is "*" or "?")
            {
                return true;
            }

            var dash = text.IndexOf('-', StringComparison.Ordinal);
            if (dash < 0)
            {
                var read = TryValue(text, out low);
                high = stepped ? High : low;
                return read;
            }

            return TryValue(text[..dash], out low) && TryValue(text[(dash + 1)..], out high) && low <= high;
        }

        private bool TryValue(string text, out int value)
        {
            value = Names.IndexOf(text.ToLowerInvariant());
            if (value >= 0)
            {
                value += Low;
                return true;
            }

            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= Low && value <= High;
        }
    }
}
