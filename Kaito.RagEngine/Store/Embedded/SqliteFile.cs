using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Kaito.RagEngine.Store.Embedded;

/// <summary>The file of one index: its tables, and connections that write or read.</summary>
internal static class SqliteFile
{
    /// <summary>SQLite's code for a disk, or a bound, that is reached.</summary>
    public const int FullCode = 13;

    private const string Format = "1";

    // They hold five vectors of 384 numbers with little waste.
    private const long PageBytes = 8192;

    private static readonly string s_setup = string.Create(
        CultureInfo.InvariantCulture, $"PRAGMA page_size = {PageBytes}; PRAGMA journal_mode = WAL;");

    private const string Tables =
        """
        CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE document (
            id INTEGER PRIMARY KEY AUTOINCREMENT, doc_id TEXT NOT NULL UNIQUE, hash TEXT NOT NULL, metadata TEXT NOT NULL);
        CREATE TABLE chunk (
            id INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL, node_id TEXT NOT NULL,
            start INTEGER NOT NULL, stop INTEGER NOT NULL, text TEXT NOT NULL);
        CREATE INDEX chunk_document ON chunk (document);
        CREATE TABLE vector (chunk INTEGER PRIMARY KEY, value BLOB NOT NULL);
        CREATE TABLE attribute (
            name TEXT NOT NULL, value TEXT NOT NULL, document INTEGER NOT NULL,
            PRIMARY KEY (name, value, document)) WITHOUT ROWID;
        CREATE INDEX attribute_document ON attribute (document);
        """;

    private const string WordTables =
        """
        CREATE VIRTUAL TABLE words USING fts5 (terms, content = '', tokenize = 'ascii');
        CREATE VIRTUAL TABLE vocabulary USING fts5vocab (words, 'row');
        """;

    // To compile a statement takes longer than to run it. A connection ends its own when it is closed.
    private static readonly ConditionalWeakTable<SqliteConnection, Dictionary<string, SqliteCommand>> s_prepared = [];

    static SqliteFile() => Batteries_V2.Init();

    /// <summary>Opens or makes a file for its one writer.</summary>
    /// <param name="path">Of the file.</param>
    /// <param name="mostBytes">It grows no larger; <see langword="null"/> for no bound.</param>
    public static SqliteConnection OpenWriter(string path, long? mostBytes = null)
    {
        var connection = Open(path, SqliteOpenMode.ReadWriteCreate);
        try
        {
            Execute(connection, s_setup);
            if (mostBytes is { } bytes)
            {
                Execute(connection, string.Create(
                    CultureInfo.InvariantCulture, $"PRAGMA max_page_count = {Math.Max(1, bytes / PageBytes)}"));
            }

            // What is acknowledged is on the disk, not in its cache.
            Execute(connection, "PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public static SqliteConnection OpenReader(string path)
    {
        var connection = Open(path, SqliteOpenMode.ReadWrite);
        Execute(connection, "PRAGMA query_only = ON; PRAGMA busy_timeout = 5000; PRAGMA cache_size = -8192;");
        return connection;
    }

    public static void MakeTables(SqliteConnection connection)
    {
        Execute(connection, Tables);
        Execute(connection, WordTables);
        SetFact(connection, "format", Format);
        SetFact(connection, "words", Words.Version);
    }

    /// <summary>Makes the word lists again when they were made by other rules.</summary>
    public static void RefreshWords(SqliteConnection connection)
    {
        if (Fact(connection, "words") == Words.Version)
        {
            return;
        }

        Transact(connection, () =>
        {
            Execute(connection, "DROP TABLE IF EXISTS vocabulary; DROP TABLE IF EXISTS words;");
            Execute(connection, WordTables);
            using var chunks = Command(
                connection, "SELECT chunk.id, text, metadata FROM chunk JOIN document ON document.id = chunk.document");
            using var reader = chunks.ExecuteReader();
            while (reader.Read())
            {
                Execute(
                    connection, "INSERT INTO words (rowid, terms) VALUES ($id, $terms)",
                    ("$id", reader.GetInt64(0)),
                    ("$terms", Words.Join(PassageText.Searched(reader.GetString(1), reader.GetString(2)))));
            }

            SetFact(connection, "words", Words.Version);
            return true;
        });
    }

    /// <summary>Runs in one transaction: all of it or nothing.</summary>
    public static T Transact<T>(SqliteConnection connection, Func<T> act)
    {
        Execute(connection, "BEGIN");
        try
        {
            var result = act();
            Execute(connection, "COMMIT");
            return result;
        }
        catch
        {
            // A full disk has ended the transaction already.
            if (raw.sqlite3_get_autocommit(connection.Handle) == 0)
            {
                Execute(connection, "ROLLBACK");
            }

            throw;
        }
    }

    /// <summary>What the file says about itself; <see langword="null"/> for one without tables.</summary>
    /// <exception cref="StoreException">The file is of another format.</exception>
    public static IndexDescription? Describe(SqliteConnection connection)
    {
        if (Scalar(connection, "SELECT count(*) FROM sqlite_master WHERE name = 'fact'") is not 1L)
        {
            return null;
        }

        var format = Fact(connection, "format");
        if (format != Format)
        {
            throw new StoreException(
                $"{connection.DataSource}: format is {format ?? "missing"}; this version reads {Format}. Use the version "
                + "that wrote the file, or delete it and index the documents again.");
        }

        return Fact(connection, "dropped") is not null || Fact(connection, "name") is not { } name
            ? null
            : new(
                name,
                Fact(connection, "embedder") ?? "",
                int.Parse(Fact(connection, "dimensions") ?? "0", CultureInfo.InvariantCulture));
    }

    public static void SetFact(SqliteConnection connection, string name, string value) => Execute(
        connection, "INSERT INTO fact VALUES ($name, $value) ON CONFLICT (name) DO UPDATE SET value = $value",
        ("$name", name), ("$value", value));

    public static string? Fact(SqliteConnection connection, string name) =>
        Scalar(connection, "SELECT value FROM fact WHERE name = $name", ("$name", name)) as string;

    /// <summary>Reads every vector without a copy in between.</summary>
    /// <param name="connection">The file.</param>
    /// <param name="read">Takes the chunk's id and its vector, valid during the call.</param>
    public static void EachVector(SqliteConnection connection, Action<long, ReadOnlySpan<float>> read)
    {
        var handle = connection.Handle;
        var code = raw.sqlite3_prepare_v2(handle, "SELECT chunk, value FROM vector ORDER BY chunk", out var statement);
        using (statement)
        {
            while (code is raw.SQLITE_OK or raw.SQLITE_ROW && (code = raw.sqlite3_step(statement)) == raw.SQLITE_ROW)
            {
                read(
                    raw.sqlite3_column_int64(statement, 0),
                    MemoryMarshal.Cast<byte, float>(raw.sqlite3_column_blob(statement, 1)));
            }
        }

        if (code != raw.SQLITE_DONE)
        {
            throw new SqliteException(raw.sqlite3_errmsg(handle).utf8_to_string(), code);
        }
    }

    public static SqliteCommand Command(
        SqliteConnection connection, string sql, params ReadOnlySpan<(string Name, object Value)> values)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in values)
        {
            command.Parameters.AddWithValue(name, value);
        }

        return command;
    }

    public static int Execute(
        SqliteConnection connection, string sql, params ReadOnlySpan<(string Name, object Value)> values)
    {
        using var command = Command(connection, sql, values);
        return command.ExecuteNonQuery();
    }

    /// <summary>As <see cref="Execute"/>, for what runs again and again on the connection.</summary>
    public static int ExecutePrepared(
        SqliteConnection connection, string sql, params ReadOnlySpan<(string Name, object Value)> values) =>
        Prepared(connection, sql, values).ExecuteNonQuery();

    /// <summary>As <see cref="Scalar"/>, for what runs again and again on the connection.</summary>
    public static object? ScalarPrepared(
        SqliteConnection connection, string sql, params ReadOnlySpan<(string Name, object Value)> values) =>
        Prepared(connection, sql, values).ExecuteScalar();

    public static object? Scalar(
        SqliteConnection connection, string sql, params ReadOnlySpan<(string Name, object Value)> values)
    {
        using var command = Command(connection, sql, values);
        return command.ExecuteScalar();
    }

    private static SqliteCommand Prepared(
        SqliteConnection connection, string sql, ReadOnlySpan<(string Name, object Value)> values)
    {
        var commands = s_prepared.GetOrCreateValue(connection);
        if (!commands.TryGetValue(sql, out var command))
        {
            commands[sql] = command = Command(connection, sql, values);
            return command;
        }

        foreach (var (name, value) in values)
        {
            command.Parameters[name].Value = value;
        }

        return command;
    }

    private static SqliteConnection Open(string path, SqliteOpenMode mode)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = mode,
            Pooling = false,
        }.ConnectionString);
        connection.Open();
        return connection;
    }
}
