using System.Text;

namespace Kaito.RagEngine.Store.Qdrant;

/// <summary>
/// PURE: BM25 as sparse vectors. A passage's vector holds how much each word says about it, a question's vector holds ones,
/// and the server multiplies by how rare the word is (its modifier <c>Idf</c>).
/// </summary>
internal static class WordVector
{
    private const double Saturation = 1.2;
    private const double LengthShare = 0.75;

    // The server does not know the average; passages are cut to about the same length.
    private const double UsualLength = 256;

    /// <summary>Of a passage; empty without words.</summary>
    public static (float[] Values, uint[] Indices) OfPassage(string text)
    {
        var counts = new SortedDictionary<uint, int>();
        var length = 0;
        Words.Each(text, word =>
        {
            var index = Index(word);
            counts[index] = counts.GetValueOrDefault(index) + 1;
            length++;
        });
        var norm = Saturation * (1 - LengthShare + (LengthShare * length / UsualLength));
        return (
            [.. counts.Values.Select(count => (float)(count * (Saturation + 1) / (count + norm)))], [.. counts.Keys]);
    }

    /// <summary>Of a question: its first words, each once.</summary>
    public static (float[] Values, uint[] Indices) OfQuestion(string text)
    {
        var indices = new SortedSet<uint>(Words.OfQuestion(text).Select(Index));
        return ([.. indices.Select(static _ => 1f)], [.. indices]);
    }

    // FNV-1a with a last mix; words that share a number are as rare as in any index of 2^32 places.
    private static uint Index(string word)
    {
        var hash = 2166136261u;
        foreach (var part in Encoding.UTF8.GetBytes(word))
        {
            hash = (hash ^ part) * 16777619u;
        }

        hash = (hash ^ (hash >> 16)) * 0x85EBCA6Bu;
        hash = (hash ^ (hash >> 13)) * 0xC2B2AE35u;
        return hash ^ (hash >> 16);
    }
}
