using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Data.Sqlite;

namespace Kaito.RagEngine.Store.Embedded;

/// <summary>
/// Chooses which words of a question are searched, so that a search scores a bounded number of rows however common its words
/// are. Thread-safe.
/// </summary>
internal sealed class WordChoice
{
    /// <summary>About as many rows may a search score.</summary>
    public const long MostRows = 6000;

    // Rows that a filter refuses are passed over, not scored.
    private const int FilteredFactor = 10;

    // To count the rows of a common word takes as long as to search for it.
    private const int MostKnown = 20_000;

    private readonly ConcurrentDictionary<string, long> _rows = new(StringComparer.Ordinal);

    /// <summary>Forgets what it knows, as the index has changed much.</summary>
    public void Clear() => _rows.Clear();

    /// <summary>What FTS5 is asked for; empty when the index has none of the words.</summary>
    /// <param name="reader">The index.</param>
    /// <param name="question">In the user's words.</param>
    /// <param name="total">Rows of the index.</param>
    /// <param name="filtered">Whether a filter will leave few rows to score.</param>
    public string Of(SqliteConnection reader, string question, long total, bool filtered)
    {
        using var count = SqliteFile.Command(reader, "SELECT doc FROM vocabulary WHERE term = $term", ("$term", ""));
        return Expression(
            [.. Words.OfQuestion(question).Select(word => (Word: word, Rows: Rows(count, word))).Where(static w => w.Rows > 0)],
            filtered ? FilteredFactor * MostRows : MostRows, total);
    }

    /// <summary>
    /// PURE: any of the rarest words, as many as the bound allows. Where already the rarest is common, rows with several of
    /// them, until they are few enough.
    /// </summary>
    internal static string Expression(ImmutableArray<(string Word, long Rows)> words, long bound, long total)
    {
        var rarest = words.OrderBy(static w => w.Rows).ThenBy(static w => w.Word, StringComparer.Ordinal).ToArray();
        var sum = 0L;
        string[] any = [.. rarest.TakeWhile(w => (sum += w.Rows) <= bound).Select(static w => $"\"{w.Word}\"")];
        if (any.Length > 0)
        {
            return string.Join(" OR ", any);
        }

        var rows = (double)Math.Max(1, total);
        var all = new List<string>();
        foreach (var (word, having) in rarest)
        {
            if (rows <= bound)
            {
                break;
            }

            all.Add($"\"{word}\"");
            rows *= having / (double)Math.Max(1, total);
        }

        return string.Join(" AND ", all);
    }

    private long Rows(SqliteCommand count, string word)
    {
        if (_rows.TryGetValue(word, out var known))
        {
            return known;
        }

        count.Parameters["$term"].Value = word;
        var rows = count.ExecuteScalar() is long found ? found : 0;
        if (_rows.Count < MostKnown)
        {
            _rows[word] = rows;
        }

        return rows;
    }
}
