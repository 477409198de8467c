namespace Kaito.InferenceHost.Engine;

/// <summary>Whether and how the next tokens are guessed from the sequence's own text, as vLLM's method <c>ngram</c> does.</summary>
/// <param name="DraftTokens">Most tokens guessed at a time, at least 1.</param>
/// <param name="LongestMatch">Most of the latest tokens that are looked for, at least <paramref name="ShortestMatch"/>.</param>
/// <param name="ShortestMatch">Fewest of them that count as a match, at least 1.</param>
internal sealed record SpeculationOptions(int DraftTokens, int LongestMatch = 5, int ShortestMatch = 5)
{
    /// <summary>Guesses even where it does not pay.</summary>
    public bool Always { get; init; }
}

/// <summary>What came of guessing since the start.</summary>
internal sealed record SpeculationCounts(long Drafts, long DraftTokens, IReadOnlyList<long> AcceptedAt)
{
    /// <summary>Guessed tokens that were right.</summary>
    public long Accepted => AcceptedAt.Sum();
}

/// <summary>
/// Guesses how a sequence goes on: as it did the last time that its latest tokens came. Rests where checking the guesses
/// costs more than they bring.
/// </summary>
internal sealed class Speculation(SpeculationOptions options)
{
    private readonly int[] _run = new int[options.DraftTokens + 1];
    private readonly long[] _acceptedAt = new long[options.DraftTokens];
    private readonly SpeculationPace _pace = new();
    private long _drafts;
    private long _draftTokens;

    public SpeculationCounts Counts => new(_drafts, _draftTokens, [.. _acceptedAt]);

    /// <summary>The last token and the guesses after it; empty when there is no guess worth its check.</summary>
    /// <param name="tokens">Prompt and answer so far, at least one.</param>
    /// <param name="most">Most guesses; may be 0.</param>
    public ReadOnlySpan<int> Draft(ReadOnlySpan<int> tokens, int most)
    {
        most = int.Min(most, options.DraftTokens);
        var follows = most > 0 ? Continuation(tokens) : [];
        if (follows.IsEmpty || (!options.Always && !_pace.Allows()))
        {
            return [];
        }

        follows = follows[..int.Min(most, follows.Length)];
        _run[0] = tokens[^1];
        follows.CopyTo(_run.AsSpan(1));
        return _run.AsSpan(0, follows.Length + 1);
    }

    /// <summary>One token came without a guess, while no other sequence was answered.</summary>
    public void Plain(TimeSpan took) => _pace.Plain(took);

    /// <param name="guessed">Tokens of the draft, without the one before it.</param>
    /// <param name="accepted">Those that were right; one more token came with them.</param>
    /// <param name="took">For all of them.</param>
    public void Checked(int guessed, int accepted, TimeSpan took)
    {
        _drafts++;
        _draftTokens += guessed;
        for (var position = 0; position < accepted; position++)
        {
            _acceptedAt[position]++;
        }

        _pace.Drafted(accepted + 1, took);
    }

    private ReadOnlySpan<int> Continuation(ReadOnlySpan<int> tokens)
    {
        for (var length = int.Min(options.LongestMatch, tokens.Length - 1); length >= options.ShortestMatch; length--)
        {
            if (tokens[..^1].LastIndexOf(tokens[^length..]) is var at and >= 0)
            {
                return tokens[(at + length)..];
            }
        }

        return [];
    }
}

/// <summary>When guessing is worth it: while it brings tokens faster than answering one at a time does.</summary>
internal sealed class SpeculationPace
{
    // Weight of the newest measurement.
    private const double Newest = 0.2;

    private const int ShortestRest = 4;
    private const int LongestRest = 64;

    private double _plain;
    private double _drafted;
    private int _rest;
    private int _nextRest = ShortestRest;

    /// <summary>Asked where a guess could be made; a refusal counts towards the end of a rest.</summary>
    public bool Allows()
    {
        // Nothing to compare with yet.
        if (_plain == 0)
        {
            return false;
        }

        if (_rest > 0)
        {
            _rest--;
            return false;
        }

        return true;
    }

    /// <summary>One token came without a guess.</summary>
    public void Plain(TimeSpan took) => Learn(ref _plain, took.TotalSeconds);

    /// <summary>So many tokens came of a checked guess, at least 1.</summary>
    public void Drafted(int tokens, TimeSpan took)
    {
        Learn(ref _drafted, took.TotalSeconds / tokens);
        if (_drafted < _plain)
        {
            _nextRest = ShortestRest;
            return;
        }

        // After a rest it counts afresh: the text may be another one by then.
        (_rest, _nextRest, _drafted) = (_nextRest, int.Min(2 * _nextRest, LongestRest), 0);
    }

    private static void Learn(ref double known, double seconds) =>
        known = known == 0 ? seconds : ((1 - Newest) * known) + (Newest * seconds);
}
