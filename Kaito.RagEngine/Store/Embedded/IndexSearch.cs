using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Microsoft.Data.Sqlite;

namespace Kaito.RagEngine.Store.Embedded;

/// <summary>The statements that read an index.</summary>
internal static class IndexSearch
{
    // A question of common words only: the first rows are as good as any.
    private const long MostScored = WordChoice.MostRows * 3 / 2;

    private const string Columns =
        "chunk.id, chunk.node_id, document.doc_id, chunk.text, document.metadata, chunk.start, chunk.stop";

    public static Candidates Run(
        SqliteConnection reader, VectorTable vectors, WordChoice words, StoreQuery query,
        CancellationToken cancellationToken)
    {
        var allowed = query.Filter.IsEmpty ? null : Allowed(reader, query.Filter);
        var dense = query.Vector.IsEmpty ? [] : vectors.Search(query.Vector, query.Count, allowed, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        var sparse = ByWords(reader, query, words.Of(reader, query.Text, vectors.Count, !query.Filter.IsEmpty));
        var scores = sparse.ToDictionary(static s => s.Id, static s => s.Score);
        var passages = Passages(reader, dense.Select(static d => d.Id).Union(scores.Keys));
        return new(
            [.. dense.Where(d => passages.ContainsKey(d.Id)).Select(d => Found(d.Id, d.Score))],
            [.. sparse.Where(s => passages.ContainsKey(s.Id))
                .Select(s => Found(s.Id, query.Vector.IsEmpty ? null : vectors.Score(s.Id, query.Vector.Span)))]);

        Hit Found(long id, double? cosine) => new(passages[id], cosine, scores.TryGetValue(id, out var bm25) ? bm25 : null)
        {
            Vector = query.WithVectors ? vectors.Copy(id) : default,
        };
    }

    public static PassagePage Page(SqliteConnection reader, MetadataFilter filter, int offset, int limit)
    {
        var (where, values) = Where(filter);
        var total = (long)SqliteFile.Scalar(reader, $"SELECT count(*) FROM chunk WHERE {where}", values)!;
        using var select = SqliteFile.Command(
            reader,
            $"SELECT {Columns} FROM chunk JOIN document ON document.id = chunk.document WHERE {where} "
            + "ORDER BY chunk.id LIMIT $limit OFFSET $offset",
            [.. values, ("$limit", limit), ("$offset", offset)]);
        using var rows = select.ExecuteReader();
        var page = ImmutableArray.CreateBuilder<Passage>();
        while (rows.Read())
        {
            page.Add(ReadPassage(rows).Passage);
        }

        return new(page.ToImmutable(), (int)total);
    }

    public static Dictionary<string, string> Hashes(SqliteConnection reader, IReadOnlyCollection<string> ids)
    {
        var hashes = new Dictionary<string, string>(StringComparer.Ordinal);
        using var select = SqliteFile.Command(reader, "SELECT hash FROM document WHERE doc_id = $id", ("$id", ""));
        foreach (var id in ids)
        {
            select.Parameters["$id"].Value = id;
            if (select.ExecuteScalar() is string hash)
            {
                hashes[id] = hash;
            }
        }

        return hashes;
    }

    private static HashSet<long> Allowed(SqliteConnection reader, MetadataFilter filter)
    {
        var (where, values) = Where(filter);
        using var select = SqliteFile.Command(reader, $"SELECT id FROM chunk WHERE {where}", values);
        using var rows = select.ExecuteReader();
        var allowed = new HashSet<long>();
        while (rows.Read())
        {
            allowed.Add(rows.GetInt64(0));
        }

        return allowed;
    }

    private static (string Sql, (string Name, object Value)[] Values) Where(MetadataFilter filter)
    {
        if (filter.IsEmpty)
        {
            return ("1", []);
        }

        var sql = new StringBuilder();
        var values = new List<(string Name, object Value)>();
        foreach (var (name, value) in filter.Members)
        {
            var at = values.Count.ToString(CultureInfo.InvariantCulture);
            values.Add(($"$n{at}", name));
            sql.Append(sql.Length > 0 ? " AND " : "").Append("chunk.document ")
                .Append(value is null ? "NOT IN " : "IN ")
                .Append(CultureInfo.InvariantCulture, $"(SELECT document FROM attribute WHERE name = $n{at}");
            if (value is not null)
            {
                values.Add(($"$v{at}", value));
                sql.Append(CultureInfo.InvariantCulture, $" AND value = $v{at}");
            }

            sql.Append(')');
        }

        return (sql.ToString(), [.. values]);
    }

    private static List<(long Id, double Score)> ByWords(SqliteConnection reader, StoreQuery query, string match)
    {
        var found = new List<(long Id, double Score)>();
        if (match.Length == 0 || query.Count == 0)
        {
            return found;
        }

        var (where, values) = Where(query.Filter);
        var filter = query.Filter.IsEmpty ? "" : $"AND rowid IN (SELECT id FROM chunk WHERE {where}) ";
        using var select = SqliteFile.Command(
            reader,
            "SELECT id, score FROM (SELECT rowid AS id, bm25(words) AS score FROM words "
            + $"WHERE words MATCH $match {filter}LIMIT $most) ORDER BY score, id LIMIT $count",
            [.. values, ("$match", match), ("$most", MostScored), ("$count", query.Count)]);
        using var rows = select.ExecuteReader();
        while (rows.Read())
        {
            // FTS5's score falls as the match improves.
            found.Add((rows.GetInt64(0), -rows.GetDouble(1)));
        }

        return found;
    }

    private static Dictionary<long, Passage> Passages(SqliteConnection reader, IEnumerable<long> ids)
    {
        var passages = new Dictionary<long, Passage>();
        using var select = SqliteFile.Command(
            reader,
            $"SELECT {Columns} FROM chunk JOIN document ON document.id = chunk.document WHERE chunk.id = $id",
            ("$id", 0L));
        foreach (var id in ids)
        {
            select.Parameters["$id"].Value = id;
            using var rows = select.ExecuteReader();

            // Gone since the vectors were searched.
            if (rows.Read())
            {
                passages[id] = ReadPassage(rows).Passage;
            }
        }

        return passages;
    }

    private static (long Id, Passage Passage) ReadPassage(SqliteDataReader rows) => (
        rows.GetInt64(0),
        new(
            rows.GetString(1), rows.GetString(2), rows.GetString(3), rows.GetString(4), rows.GetInt32(5),
            rows.GetInt32(6)));
}
