using System.Collections.Immutable;
using System.Numerics.Tensors;

namespace Kaito.InferenceHost.Generation;

/// <summary>A token and its log probability in the model's own distribution, before bias, penalties and temperature.</summary>
internal readonly record struct TokenLogprob(int Token, float Logprob);

/// <summary>What a call may want to know of the token that was chosen at one position.</summary>
/// <param name="Chosen">The token of the sequence.</param>
/// <param name="Rank">How probable it was among all: 1 for the most probable token.</param>
/// <param name="Top">Alternatives, most probable first; the chosen one only when it is among them.</param>
internal sealed record TokenReport(TokenLogprob Chosen, int Rank, ImmutableArray<TokenLogprob> Top);

/// <summary>PURE: reads reports off a row of logits.</summary>
internal static class TokenReports
{
    /// <summary>Stands for all alternatives.</summary>
    public const int All = -1;

    // The protocol has no infinity.
    private const float LeastLogprob = -9999;

    /// <param name="logits">Shape [vocab], as the model gave them.</param>
    /// <param name="token">The chosen token.</param>
    /// <param name="top">How many alternatives; <see cref="All"/> for all.</param>
    public static TokenReport Read(ReadOnlySpan<float> logits, int token, int top)
    {
        var total = LogSumExp(logits);
        return new(Of(logits, token, total), Rank(logits, logits[token]), Top(logits, top == All ? logits.Length : top, total));
    }

    private static ImmutableArray<TokenLogprob> Top(ReadOnlySpan<float> logits, int count, double total)
    {
        if (count == 0)
        {
            return [];
        }

        // The smallest of the best is on top of the heap. Of equals the lower id is better, as in an argmax.
        var best = new PriorityQueue<int, (float Logit, int Order)>(count + 1);
        for (var token = 0; token < logits.Length; token++)
        {
            var rank = (logits[token], -token);
            if (best.Count < count)
            {
                best.Enqueue(token, rank);
            }
            else if (best.TryPeek(out _, out var least) && rank.CompareTo(least) > 0)
            {
                best.EnqueueDequeue(token, rank);
            }
        }

        var found = new TokenLogprob[best.Count];
        for (var at = found.Length - 1; at >= 0; at--)
        {
            found[at] = Of(logits, best.Dequeue(), total);
        }

        return [.. found];
    }

    private static int Rank(ReadOnlySpan<float> logits, float of)
    {
        var above = 0;
        foreach (var logit in logits)
        {
            above += logit > of ? 1 : 0;
        }

        return above + 1;
    }

    private static TokenLogprob Of(ReadOnlySpan<float> logits, int token, double total)
    {
        var logprob = (float)(logits[token] - total);
        return new(token, float.IsFinite(logprob) ? float.Max(logprob, LeastLogprob) : LeastLogprob);
    }

    private static double LogSumExp(ReadOnlySpan<float> logits)
    {
        var highest = TensorPrimitives.Max(logits);
        var sum = 0.0;
        foreach (var logit in logits)
        {
            sum += float.Exp(logit - highest);
        }

        return highest + Math.Log(sum);
    }
}
