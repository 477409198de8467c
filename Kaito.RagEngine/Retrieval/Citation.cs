using Kaito.RagEngine.Chunking;
using Kaito.RagEngine.Store;

namespace Kaito.RagEngine.Retrieval;

/// <summary>The words of a document that speak most to a question.</summary>
/// <param name="Quote">Exactly as in the chunk.</param>
/// <param name="Start">Where the quote begins in the document, in characters.</param>
/// <param name="End">Exclusive.</param>
internal sealed record Citation(string Quote, int Start, int End)
{
    private const int QuoteTokens = 60;

    /// <summary>PURE: the sentence of the passage that shares most words with the question, rarer words first.</summary>
    public static Citation Of(Passage passage, string question)
    {
        var asked = new HashSet<string>(StringComparer.Ordinal);
        Words.Each(question, word => asked.Add(word));
        var best = new Span(0, passage.Text.Length);
        var most = -1.0;
        foreach (var sentence in SentenceSplitter.Pieces(passage.Text, QuoteTokens))
        {
            var shared = new HashSet<string>(StringComparer.Ordinal);
            Words.Each(sentence.In(passage.Text).ToString(), word => _ = asked.Contains(word) && shared.Add(word));

            // Long words say more than short ones.
            var score = shared.Sum(static word => Math.Min(word.Length, 8));
            if (score > most)
            {
                (best, most) = (sentence, score);
            }
        }

        var start = passage.Start + Characters(passage.Text.AsSpan(0, best.Start));
        return new(best.In(passage.Text).ToString(), start, start + Characters(best.In(passage.Text)));
    }

    private static int Characters(ReadOnlySpan<char> text)
    {
        var count = 0;
        foreach (var _ in text.EnumerateRunes())
        {
            count++;
        }

        return count;
    }
}
