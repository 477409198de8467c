using System.Security.Cryptography;
using System.Text;
using Qdrant.Client.Grpc;

namespace Kaito.RagEngine.Store.Qdrant;

/// <summary>
/// Members of the payloads. A collection holds points of four kinds: one that describes the index, one for each document that
/// says which write made what is true of it, one for each chunk, and one for each change that is under way or was broken off.
/// </summary>
internal static class Members
{
    public const string Kind = "kind";
    public const string Name = "name";
    public const string Embedder = "embedder";
    public const string Dimensions = "dimensions";
    public const string Format = "format";
    public const string WordRules = "words";
    public const string State = "state";

    public const string Document = "doc";
    public const string Write = "write";
    public const string Hash = "hash";
    public const string Metadata = "metadata";
    public const string Chunks = "chunks";
    public const string Documents = "docs";
    public const string Before = "before";

    public const string Node = "node";
    public const string Text = "text";
    public const string Start = "start";
    public const string End = "end";

    /// <summary>Keys of the metadata's members and their values; filters look for them.</summary>
    public const string Attributes = "attributes";

    /// <summary>Names of the metadata's members that are not null.</summary>
    public const string Named = "named";

    public const string IndexKind = "index";
    public const string DocumentKind = "document";
    public const string ChunkKind = "chunk";
    public const string WriteKind = "write";

    /// <summary>Whole, but no alias led to it yet.</summary>
    public const string Made = "made";

    /// <summary>An alias leads to it, or did: when it does no more, somebody has restored it from a snapshot.</summary>
    public const string Aliased = "aliased";

    /// <summary>The alias is about to lead to another one.</summary>
    public const string Replaced = "replaced";

    /// <summary>Not there any more, whatever leads to it.</summary>
    public const string Dropped = "dropped";

    public const string DenseVector = "dense";
    public const string WordsVector = "words";

    private const int LongestKey = 200;

    /// <summary>What filters ask for; indexed when a collection is made.</summary>
    public static IReadOnlyList<string> Indexed { get; } = [Kind, Document, Write, Attributes, Named];

    /// <summary>One text for a member of the metadata and its value; a digest when it is long.</summary>
    public static string Attribute(string name, string value)
    {
        var key = $"{name}\u001f{value}";
        return key.Length <= LongestKey ? key : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
    }

    /// <summary>A name as an indexed text; a digest when it is long.</summary>
    public static string NameKey(string name) => Attribute(name, "");

    public static Condition IsKind(string kind) => Conditions.MatchKeyword(Kind, kind);

    public static string Read(this RetrievedPoint point, string member) =>
        point.Payload.TryGetValue(member, out var value) ? value.StringValue : "";

    public static string Read(this ScoredPoint point, string member) =>
        point.Payload.TryGetValue(member, out var value) ? value.StringValue : "";

    public static int Number(this RetrievedPoint point, string member) =>
        point.Payload.TryGetValue(member, out var value) ? (int)value.IntegerValue : 0;

    public static List<string> List(this RetrievedPoint point, string member) =>
        point.Payload.TryGetValue(member, out var value) && value.ListValue is { } list
            ? [.. list.Values.Select(static item => item.StringValue)]
            : [];

    /// <summary>A dense vector by whichever fields the server fills; empty without one.</summary>
    public static float[] Dense(this RetrievedPoint point) =>
        point.Vectors?.Vectors is { } named && named.Vectors.TryGetValue(DenseVector, out var vector)
            && vector.GetDenseVector() is { } dense
            ? [.. dense.Data]
            : [];
}
