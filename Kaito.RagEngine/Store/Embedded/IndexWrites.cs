using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Kaito.RagEngine.Store.Embedded;

/// <summary>The statements that change an index.</summary>
internal static class IndexWrites
{
    /// <summary>Stores a document whose id is free.</summary>
    public static List<(long Id, ReadOnlyMemory<float> Vector)> Insert(SqliteConnection writer, StoredDocument document)
    {
        SqliteFile.ExecutePrepared(
            writer, "INSERT INTO document (doc_id, hash, metadata) VALUES ($id, $hash, $metadata)",
            ("$id", document.Id), ("$hash", document.Hash), ("$metadata", document.Metadata));
        var row = LastRow(writer);
        foreach (var (name, value) in MetadataFilter.Attributes(document.Metadata))
        {
            SqliteFile.ExecutePrepared(
                writer, "INSERT INTO attribute VALUES ($name, $value, $row)",
                ("$name", name), ("$value", value), ("$row", row));
        }

        var added = new List<(long Id, ReadOnlyMemory<float> Vector)>(document.Chunks.Length);
        foreach (var chunk in document.Chunks)
        {
            added.Add((Insert(writer, row, chunk, document.Metadata), chunk.Vector));
        }

        return added;
    }

    public static bool Exists(SqliteConnection connection, string id) =>
        SqliteFile.ScalarPrepared(connection, "SELECT 1 FROM document WHERE doc_id = $id", ("$id", id)) is not null;

    /// <summary>Removes a document with its chunks; <see langword="null"/> when there is none.</summary>
    public static List<long>? Remove(SqliteConnection writer, string id)
    {
        using var find = SqliteFile.Command(
            writer, "SELECT id, metadata FROM document WHERE doc_id = $id", ("$id", id));
        long row;
        string metadata;
        using (var found = find.ExecuteReader())
        {
            if (!found.Read())
            {
                return null;
            }

            (row, metadata) = (found.GetInt64(0), found.GetString(1));
        }

        var chunks = ChunksOf(writer, row);
        foreach (var (chunk, text) in chunks)
        {
            // An index without content has to be told what it forgets.
            SqliteFile.ExecutePrepared(
                writer, "INSERT INTO words (words, rowid, terms) VALUES ('delete', $chunk, $terms)",
                ("$chunk", chunk), ("$terms", Words.Join(PassageText.Searched(text, metadata))));
            SqliteFile.Execute(writer, "DELETE FROM vector WHERE chunk = $chunk", ("$chunk", chunk));
        }

        SqliteFile.ExecutePrepared(
            writer,
            "DELETE FROM chunk WHERE document = $row; DELETE FROM attribute WHERE document = $row; "
            + "DELETE FROM document WHERE id = $row",
            ("$row", row));
        return [.. chunks.Select(static c => c.Id)];
    }

    /// <summary>The chunks of a document as they were stored, in the order of the text.</summary>
    /// <param name="connection">The file.</param>
    /// <param name="document">Row of the document.</param>
    public static List<StoredChunk> Chunks(SqliteConnection connection, long document)
    {
        using var select = SqliteFile.Command(
            connection,
            "SELECT node_id, text, start, stop, value FROM chunk JOIN vector ON vector.chunk = chunk.id "
            + "WHERE document = $document ORDER BY chunk.id",
            ("$document", document));
        using var rows = select.ExecuteReader();
        var chunks = new List<StoredChunk>();
        while (rows.Read())
        {
            chunks.Add(new(
                rows.GetString(0), rows.GetString(1), rows.GetInt32(2), rows.GetInt32(3),
                MemoryMarshal.Cast<byte, float>((byte[])rows.GetValue(4)).ToArray()));
        }

        return chunks;
    }

    private static long Insert(SqliteConnection writer, long document, StoredChunk chunk, string metadata)
    {
        SqliteFile.ExecutePrepared(
            writer,
            "INSERT INTO chunk (document, node_id, start, stop, text) VALUES ($document, $node, $start, $stop, $text)",
            ("$document", document), ("$node", chunk.NodeId), ("$start", chunk.Start), ("$stop", chunk.End),
            ("$text", chunk.Text));
        var row = LastRow(writer);
        SqliteFile.ExecutePrepared(
            writer, "INSERT INTO vector VALUES ($row, $vector)",
            ("$row", row), ("$vector", MemoryMarshal.AsBytes(chunk.Vector.Span).ToArray()));
        SqliteFile.ExecutePrepared(
            writer, "INSERT INTO words (rowid, terms) VALUES ($row, $terms)",
            ("$row", row), ("$terms", Words.Join(PassageText.Searched(chunk.Text, metadata))));
        return row;
    }

    private static List<(long Id, string Text)> ChunksOf(SqliteConnection writer, long document)
    {
        using var select = SqliteFile.Command(
            writer, "SELECT id, text FROM chunk WHERE document = $document", ("$document", document));
        using var reader = select.ExecuteReader();
        var chunks = new List<(long Id, string Text)>();
        while (reader.Read())
        {
            chunks.Add((reader.GetInt64(0), reader.GetString(1)));
        }

        return chunks;
    }

    private static long LastRow(SqliteConnection writer) => raw.sqlite3_last_insert_rowid(writer.Handle);
}
