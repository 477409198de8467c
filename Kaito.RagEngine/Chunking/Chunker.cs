using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Kaito.RagEngine.Chunking;

/// <summary>A piece of a document.</summary>
/// <param name="NodeId">A UUID that follows from document, place and text.</param>
/// <param name="Text">Exactly the document's text between the offsets.</param>
/// <param name="Start">Of the piece in the document, in UTF-16 units.</param>
/// <param name="End">Exclusive.</param>
internal sealed record Chunk(string NodeId, string Text, int Start, int End);

/// <summary>The document's metadata ask for something that cannot be done.</summary>
internal sealed class ChunkingException(string message) : Exception(message);

/// <summary>PURE: cuts a document as its metadata say: <c>split_type</c> code, markdown, or nothing for prose.</summary>
internal static class Chunker
{
    /// <summary>Tokens of a chunk of prose, metadata included.</summary>
    public const int Size = 1024;

    private const int Overlap = 200;

    /// <param name="documentId">Becomes part of the chunks' ids.</param>
    /// <param name="text">The document.</param>
    /// <param name="metadata">A JSON object.</param>
    /// <param name="mostTokens">What the embedder takes; <see langword="null"/> for any length.</param>
    /// <exception cref="ChunkingException">No or an unknown language, or metadata that leave no room.</exception>
    public static ImmutableArray<Chunk> Split(string documentId, string text, string metadata, int? mostTokens)
    {
        var spans = Spans(text, metadata, Math.Min(Size, mostTokens ?? Size));
        return [.. spans.Select((span, at) =>
        {
            var piece = text[span.Start..span.End];
            return new Chunk(NodeId(documentId, at, piece), piece, span.Start, span.End);
        })];
    }

    private static IEnumerable<Span> Spans(string text, string metadata, int most)
    {
        using var document = JsonDocument.Parse(metadata);
        var kind = Text(document.RootElement, "split_type");
        if (kind == "code")
        {
            return CodeSplitter.Split(text, LanguageOf(document.RootElement));
        }

        var lines = Store.PassageText.Lines(metadata);
        var size = most - TokenCount.Of(lines);
        if (size <= 0)
        {
            throw new ChunkingException(string.Create(
                CultureInfo.InvariantCulture,
                $"Metadata length ({most - size}) is longer than chunk size ({most}). Send shorter metadata."));
        }

        return kind == "markdown"
            ? MarkdownSplitter.Split(text, size, Overlap)
            : SentenceSplitter.Split(text, new(0, text.Length), size, Overlap);
    }

    private static Nesting LanguageOf(JsonElement metadata)
    {
        var language = Text(metadata, "language");
        return string.IsNullOrEmpty(language)
            ? throw new ChunkingException("Language not specified in node metadata.")
            : CodeLanguages.Find(language)
                ?? throw new ChunkingException($"Could not find language library for {language}.");
    }

    private static string? Text(JsonElement metadata, string name) =>
        metadata.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    // RFC 9562 version 8: a UUID that is made of whatever its maker likes.
    private static string NodeId(string documentId, int at, string piece)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"{documentId}\n{at}\n{piece}")));
        hash[6] = (byte)((hash[6] & 0x0F) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash.AsSpan(0, 16), bigEndian: true).ToString();
    }
}
