namespace Kaito.InferenceHost.Generation;

/// <summary>Tells which tokens of an answer lie within its first thought.</summary>
/// <param name="within">The prompt has opened the thought.</param>
internal sealed class ThoughtCounter(bool within)
{
    private const string Open = "<think>";
    private const string Close = "</think>";

    // A mark may come in pieces.
    private string _tail = "";
    private bool _within = within;
    private bool _over;

    // Tokens that may turn out to be the end's mark.
    private int _held;

    /// <param name="text">What one token adds to the answer; may be empty.</param>
    /// <returns>Tokens that turn out to be part of the thought, now and lately; its marks are not.</returns>
    public int Push(string text)
    {
        if (_over)
        {
            return 0;
        }

        var before = _within;
        _tail += text;
        if (_tail.Contains(before ? Close : Open, StringComparison.Ordinal))
        {
            (_within, _over, _tail, _held) = (!before, before, "", 0);
            return 0;
        }

        // Long enough for a mark that has begun.
        _tail = _tail.Length < Close.Length ? _tail : _tail[^(Close.Length - 1)..];
        if (!before)
        {
            return 0;
        }

        _held++;
        if (EndsLikeMark())
        {
            return 0;
        }

        var known = _held;
        _held = 0;
        return known;
    }

    private bool EndsLikeMark()
    {
        for (var length = Math.Min(_tail.Length, Close.Length - 1); length > 0; length--)
        {
            if (_tail.AsSpan(_tail.Length - length).SequenceEqual(Close.AsSpan(0, length)))
            {
                return true;
            }
        }

        return false;
    }
}
