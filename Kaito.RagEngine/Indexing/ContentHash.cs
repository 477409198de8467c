using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Kaito.RagEngine.Store;

namespace Kaito.RagEngine.Indexing;

/// <summary>PURE: upstream's ids and hashes, which clients compare.</summary>
internal static class ContentHash
{
    /// <summary>The id of a document: of its text alone.</summary>
    public static string DocumentId(string text) => Hex(text);

    /// <summary>Of text and metadata: differs when an update changes something. Also what Qdrant listings show.</summary>
    public static string Document(string text, string metadata) =>
        Hex($"{PassageText.Lines(metadata)}-{Hex(text)}");

    /// <summary>What listings of the in-process store show for a chunk.</summary>
    public static string Node(string text, string metadata)
    {
        using var document = JsonDocument.Parse(metadata);
        return Hex(text + PythonText.Repr(document.RootElement));
    }

    private static string Hex(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
