using System.Text;
using System.Text.RegularExpressions;

namespace Kaito.ModelBuilder.Tiny;

/// <summary>A byte-level BPE vocabulary with the merges that make it.</summary>
/// <param name="Tokens">Token texts in the printable byte alphabet; the index is the id.</param>
/// <param name="Merges">In order of rank.</param>
/// <param name="Corpus">The training text as token ids.</param>
internal sealed record BytePairs(
    IReadOnlyList<string> Tokens,
    IReadOnlyList<(string Left, string Right)> Merges,
    IReadOnlyList<int> Corpus);

/// <summary>
/// Trains byte-level BPE on a small text. Equal text gives equal merges: ties break on the pair's text.
/// </summary>
internal static partial class BytePairTrainer
{
    /// <summary>Learns merges until every word of the text is one token or the vocabulary is full.</summary>
    public static BytePairs Train(string text, int largestVocabulary)
    {
        var words = Words().Matches(text).Select(match => Letters(match.Value)).ToArray();
        var spellings = words.Distinct().ToDictionary(word => word, Spell);
        var counts = words.CountBy(word => word).ToDictionary();
        var tokens = Enumerable.Range(0, 256).Select(value => Letter((byte)value).ToString()).ToList();
        var merges = new List<(string, string)>();
        while (tokens.Count < largestVocabulary && MostFrequentPair(spellings, counts) is var (left, right))
        {
            merges.Add((left, right));
            tokens.Add(left + right);
            foreach (var spelling in spellings.Values)
            {
                Join(spelling, left, right);
            }
        }

        var ids = tokens.Select((token, id) => (token, id)).ToDictionary(entry => entry.token, entry => entry.id);
        return new(tokens, merges, [.. words.SelectMany(word => spellings[word]).Select(token => ids[token])]);
    }

    /// <summary>The printable stand-in for a byte in GPT-2's alphabet, e.g. Ġ for a space.</summary>
    public static char Letter(byte value)
    {
        if (Prints(value))
        {
            return (char)value;
        }

        var earlier = 0;
        for (var other = 0; other < value; other++)
        {
            earlier += Prints((byte)other) ? 0 : 1;
        }

        return (char)(256 + earlier);
    }

    private static bool Prints(byte value) => value is (>= 33 and <= 126) or (>= 161 and <= 172) or >= 174;

    private static string Letters(string word) => string.Concat(Encoding.UTF8.GetBytes(word).Select(Letter));

    private static List<string> Spell(string word) => [.. word.Select(letter => letter.ToString())];

    private static (string Left, string Right)? MostFrequentPair(
        Dictionary<string, List<string>> spellings, Dictionary<string, int> counts)
    {
        var frequencies = new Dictionary<(string Left, string Right), int>();
        foreach (var (word, spelling) in spellings)
        {
            foreach (var pair in spelling.Zip(spelling.Skip(1)))
            {
                frequencies[pair] = frequencies.GetValueOrDefault(pair) + counts[word];
            }
        }

        return frequencies.Count == 0
            ? null
            : frequencies
                .OrderByDescending(entry => entry.Value)
                .ThenBy(entry => entry.Key.Left, StringComparer.Ordinal)
                .ThenBy(entry => entry.Key.Right, StringComparer.Ordinal)
                .First().Key;
    }

    private static void Join(List<string> spelling, string left, string right)
    {
        for (var i = 0; i + 1 < spelling.Count; i++)
        {
            if (spelling[i] == left && spelling[i + 1] == right)
            {
                spelling[i] = left + right;
                spelling.RemoveAt(i + 1);
            }
        }
    }

    [GeneratedRegex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")]
    private static partial Regex Words();
}
