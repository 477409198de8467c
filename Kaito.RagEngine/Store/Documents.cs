using System.Collections.Immutable;

namespace Kaito.RagEngine.Store;

/// <summary>What an index was made with; vectors of another embedder do not fit it.</summary>
/// <param name="Name">As clients say it.</param>
/// <param name="Embedder">Name of the embedder, which stands for its way of making vectors.</param>
/// <param name="Dimensions">Numbers of one vector.</param>
internal sealed record IndexDescription(string Name, string Embedder, int Dimensions);

/// <summary>A document, ready to be stored.</summary>
/// <param name="Id">Unique in its index.</param>
/// <param name="Hash">Of text and metadata: tells whether an update changes anything.</param>
/// <param name="Metadata">A JSON object, as the client wrote it.</param>
/// <param name="Chunks">In the order of the text; may be empty.</param>
internal sealed record StoredDocument(string Id, string Hash, string Metadata, ImmutableArray<StoredChunk> Chunks);

/// <summary>A piece of a document with its vector.</summary>
/// <param name="NodeId">A UUID that follows from document, place and text.</param>
/// <param name="Text">The piece.</param>
/// <param name="Start">Where it begins in the document, in characters (code points).</param>
/// <param name="End">Where it ends; exclusive.</param>
/// <param name="Vector">Of length 1.</param>
internal sealed record StoredChunk(string NodeId, string Text, int Start, int End, ReadOnlyMemory<float> Vector);

/// <summary>A piece of a document as it was stored.</summary>
/// <param name="NodeId">Its id.</param>
/// <param name="DocumentId">Of the document it was cut from.</param>
/// <param name="Text">The piece.</param>
/// <param name="Metadata">Of the document, a JSON object.</param>
/// <param name="Start">Where it begins in the document, in characters (code points).</param>
/// <param name="End">Where it ends; exclusive.</param>
internal sealed record Passage(string NodeId, string DocumentId, string Text, string Metadata, int Start, int End);

/// <param name="Passages">In the order of insertion.</param>
/// <param name="Total">Passages that pass the filter, on this page or not.</param>
internal sealed record PassagePage(ImmutableArray<Passage> Passages, int Total);

/// <summary>What to look for.</summary>
/// <param name="Vector">Of the question, of length 1; empty to search by words alone.</param>
/// <param name="Text">The question itself.</param>
/// <param name="Filter">Restricts both searches.</param>
/// <param name="Count">Most results of each search.</param>
internal sealed record StoreQuery(ReadOnlyMemory<float> Vector, string Text, MetadataFilter Filter, int Count)
{
    /// <summary>Whether hits carry their vectors.</summary>
    public bool WithVectors { get; init; }
}

/// <param name="Passage">What was found.</param>
/// <param name="Cosine">Likeness of vectors, -1 to 1; <see langword="null"/> when unknown.</param>
/// <param name="Keywords">BM25 score, above zero; <see langword="null"/> when it was not found by words.</param>
internal sealed record Hit(Passage Passage, double? Cosine, double? Keywords)
{
    /// <summary>Empty unless asked for.</summary>
    public ReadOnlyMemory<float> Vector { get; init; }
}

/// <param name="Dense">Nearest vectors, nearest first.</param>
/// <param name="Sparse">Best BM25 scores, best first.</param>
internal sealed record Candidates(ImmutableArray<Hit> Dense, ImmutableArray<Hit> Sparse);
