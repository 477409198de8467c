using System.Collections.Immutable;

namespace Kaito.InferenceHost.Generation;

/// <summary>Finds stop strings in text that arrives in pieces; holds back only what may still become one.</summary>
/// <param name="stops">None empty.</param>
/// <param name="include">Whether the found stop string stays in the text.</param>
internal sealed class StopScanner(ImmutableArray<string> stops, bool include)
{
    private string _held = "";

    /// <summary>The stop string that was found; nothing may be pushed after that.</summary>
    public string? Found { get; private set; }

    /// <returns>Text that is safe to send; everything before (or through) the stop string once one is found.</returns>
    public string Push(string text)
    {
        if (stops.IsEmpty || text.Length == 0)
        {
            return text;
        }

        var pending = _held + text;
        var at = FindFirst(pending);
        if (Found is not null)
        {
            _held = "";
            return pending[..(include ? at + Found.Length : at)];
        }

        var safe = pending.Length - LongestOpenEnd(pending, stops);
        _held = pending[safe..];
        return pending[..safe];
    }

    /// <summary>The answer ended in another way: what was held back is text.</summary>
    public string Flush()
    {
        var rest = _held;
        _held = "";
        return rest;
    }

    private int FindFirst(string pending)
    {
        var first = -1;
        foreach (var stop in stops)
        {
            var at = pending.IndexOf(stop, StringComparison.Ordinal);
            if (at >= 0 && (first < 0 || at < first))
            {
                (first, Found) = (at, stop);
            }
        }

        return first;
    }

    /// <summary>How many characters at the end of a text may still become one of these marks.</summary>
    public static int LongestOpenEnd(string pending, ImmutableArray<string> marks)
    {
        var longest = 0;
        foreach (var mark in marks)
        {
            for (var length = int.Min(mark.Length - 1, pending.Length); length > longest; length--)
            {
                if (pending.AsSpan(pending.Length - length).SequenceEqual(mark.AsSpan(0, length)))
                {
                    longest = length;
                }
            }
        }

        return longest;
    }
}
