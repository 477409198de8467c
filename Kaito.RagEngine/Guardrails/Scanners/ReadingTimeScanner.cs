namespace Kaito.RagEngine.Guardrails.Scanners;

/// <summary>Answers that take too long to read, at 200 words a minute.</summary>
/// <param name="minutes">Above 0.</param>
/// <param name="truncate">True: what is beyond the time is cut off.</param>
internal sealed class ReadingTimeScanner(double minutes, bool truncate) : OutputScanner(Name)
{
    public const string Name = "reading_time";

    private const double WordsPerMinute = 200;

    public override Scan Scan(string text, int start, ISet<string> known)
    {
        var whole = text[start..];
        var words = whole.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length / WordsPerMinute <= minutes)
        {
            return new(whole, false);
        }

        var kept = (int)(minutes * WordsPerMinute);
        return new(truncate ? string.Join(' ', words.Take(kept)) : whole, true);
    }
}
