using System.Collections.Immutable;
using Kaito.RagEngine.Chunking;
using Kaito.RagEngine.Retrieval;

namespace Kaito.RagEngine.Chat;

/// <summary>How much of the passages a prompt takes.</summary>
/// <param name="ContextTokens">The model's window.</param>
/// <param name="PromptTokens">The conversation.</param>
/// <param name="AnswerTokens">What the client allows the answer; also bounds the passages, as upstream's tests have it.</param>
/// <param name="Ratio">Share of the free room that passages may take.</param>
/// <param name="Threshold">Largest squared distance of a related passage; 0 for any.</param>
internal sealed record ContextBudget(
    int ContextTokens, int PromptTokens, int? AnswerTokens, double Ratio, double Threshold)
{
    private const int Reserve = 150;

    public int Tokens => (int)(Math.Min(AnswerTokens ?? ContextTokens, ContextTokens - PromptTokens - Reserve) * Ratio);
}

/// <summary>PURE: the passages that go with a question.</summary>
internal static class ContextSelector
{
    /// <summary>The related passages that fit, best first; one that is too long is passed over.</summary>
    /// <param name="ranked">Best first.</param>
    /// <param name="budget">What they may take.</param>
    /// <param name="scale">The model's tokens per estimated one.</param>
    public static ImmutableArray<Ranked> Fit(ImmutableArray<Ranked> ranked, ContextBudget budget, double scale)
    {
        var left = budget.Tokens;
        var taken = ImmutableArray.CreateBuilder<Ranked>();
        foreach (var passage in ranked)
        {
            if (left <= 0)
            {
                break;
            }

            var tokens = (int)Math.Ceiling(TokenCount.Of(passage.Hit.Passage.Text) * scale);
            if (tokens <= left && IsRelated(passage, budget.Threshold))
            {
                left -= tokens;
                taken.Add(passage);
            }
        }

        return taken.ToImmutable();
    }

    /// <summary>Squared distance of unit vectors, as upstream reports it for chats.</summary>
    public static double Distance(Ranked passage) => passage.Hit.Cosine is { } cosine ? Math.Max(0, 2 - (2 * cosine)) : 2;

    private static bool IsRelated(Ranked passage, double threshold) => threshold <= 0 || Distance(passage) <= threshold;
}
