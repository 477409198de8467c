using System.Collections.Immutable;
using Kaito.RagEngine.Chunking;
using Kaito.RagEngine.Retrieval;

namespace Kaito.RagEngine.Chat;

/// <summary>
/// Counts tokens as the answering model does, where its server has <c>/tokenize</c>; elsewhere estimates them. A chat costs
/// a few calls, whatever the number of its passages. Thread-safe.
/// </summary>
internal sealed class TokenMeter(ModelClient model, TimeProvider clock)
{
    // Calls per choice of passages: the last one may only shrink it.
    private const int MostCounts = 3;

    // Longer texts do not fit any model; to count them exactly would be wasted.
    private const int MostCharacters = 1 << 20;

    // Estimated tokens of a text that tells something about others.
    private const int LeastLesson = 50;

    // Of the budget; with less than this in use, more passages may fit.
    private const double WellFilled = 0.8;

    // Before it is asked again: a server that cannot count, and one that cannot answer now.
    private static readonly TimeSpan s_unable = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_away = TimeSpan.FromSeconds(5);

    private Refusal? _refused;
    private double _scale = 1;

    /// <summary>Tokens of a text.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="name">Of the model that the client asks for.</param>
    /// <param name="cancellationToken">Ends the count.</param>
    public async Task<int> CountAsync(string text, string? name, CancellationToken cancellationToken)
    {
        var estimate = TokenCount.Of(text);
        return await AskAsync(text, name, cancellationToken) is { } count
            ? Learn(count, estimate)
            : (int)Math.Ceiling(estimate * Volatile.Read(ref _scale));
    }

    /// <summary>The related passages that fit, best first.</summary>
    /// <param name="ranked">Best first.</param>
    /// <param name="budget">What they may take.</param>
    /// <param name="name">Of the model that the client asks for.</param>
    /// <param name="cancellationToken">Ends the counts.</param>
    public async Task<ImmutableArray<Ranked>> FitAsync(
        ImmutableArray<Ranked> ranked, ContextBudget budget, string? name, CancellationToken cancellationToken)
    {
        var chosen = ContextSelector.Fit(ranked, budget, Volatile.Read(ref _scale));
        ImmutableArray<Ranked> fitting = [];
        for (var counts = 0; counts < MostCounts && !chosen.IsEmpty; counts++)
        {
            var text = ForwardedBody.Texts(chosen);
            if (await AskAsync(text, name, cancellationToken) is not { } count)
            {
                return chosen;
            }

            var estimate = TokenCount.Of(text);
            Learn(count, estimate);
            if (count <= budget.Tokens)
            {
                fitting = chosen;
                if (count >= WellFilled * budget.Tokens)
                {
                    break;
                }
            }

            var next = ContextSelector.Fit(ranked, budget, count / (double)Math.Max(1, estimate));
            if (!next.SequenceEqual(chosen))
            {
                chosen = next;
            }
            else if (count <= budget.Tokens)
            {
                break;
            }
            else
            {
                chosen = chosen[..^1];
            }
        }

        return fitting.IsEmpty ? chosen : fitting;
    }

    private int Learn(int count, int estimate)
    {
        if (estimate >= LeastLesson)
        {
            Volatile.Write(ref _scale, count / (double)estimate);
        }

        return count;
    }

    // A server that does not answer is left alone for a while.
    private async Task<int?> AskAsync(string text, string? name, CancellationToken cancellationToken)
    {
        if (text.Length > MostCharacters || (_refused is { } refusal && clock.GetElapsedTime(refusal.At) < refusal.Pause))
        {
            return null;
        }

        var reply = await model.TokensAsync(text, name, cancellationToken);
        _refused = reply.Count is null ? new(clock.GetTimestamp(), reply.Lasting ? s_unable : s_away) : null;
        return reply.Count;
    }

    private sealed record Refusal(long At, TimeSpan Pause);
}
