namespace Kaito.InferenceHost.Engine;

/// <summary>
/// When and how much of a long prompt is taken in while others are being answered. Its chunks take at most a share of the
/// time, and are so far apart that hardly one in twenty of the others' tokens waits for one.
/// </summary>
/// <param name="share">Of the time, above 0; from 1 on nothing is held back.</param>
internal sealed class PrefillPace(double share)
{
    // 1 in 25 is below the 5 % that a 95th percentile leaves out.
    private const int StepsBetween = 24;

    // Fewer tokens cost as much.
    private const int LeastTokens = 16;

    // Weight of the newest measurement.
    private const double Newest = 0.2;

    private double _decoding;
    private double _perToken;
    private int _steps;

    /// <summary>One step answered others.</summary>
    public void Decoded(TimeSpan took)
    {
        _decoding += took.TotalSeconds;
        _steps++;
    }

    /// <summary>Tokens of prompts were computed.</summary>
    public void Filled(int tokens, TimeSpan took)
    {
        var perToken = took.TotalSeconds / tokens;
        _perToken = _perToken == 0 ? perToken : ((1 - Newest) * _perToken) + (Newest * perToken);
    }

    /// <summary>Call after a chunk of a long prompt: the next one has to wait again.</summary>
    public void Restart() => (_decoding, _steps) = (0, 0);

    /// <param name="rest">Tokens that the prompt still has, at least 1.</param>
    /// <returns>Tokens that may be computed now; 0 to wait.</returns>
    public int Allowance(int rest)
    {
        if (share >= 1)
        {
            return rest;
        }

        if (_steps < StepsBetween)
        {
            return 0;
        }

        var time = _decoding * share / (1 - share);
        var tokens = _perToken == 0 ? LeastTokens : (int)Math.Min(rest, time / _perToken);
        return tokens >= Math.Min(rest, LeastTokens) ? Math.Min(rest, tokens) : 0;
    }
}
