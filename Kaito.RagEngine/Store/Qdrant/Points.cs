using Qdrant.Client.Grpc;

namespace Kaito.RagEngine.Store.Qdrant;

/// <summary>PURE: what is stored, as points.</summary>
internal static class Points
{
    private const long Format = 1;

    /// <summary>Describes the index; written last of all when it is made.</summary>
    public static PointStruct OfIndex(IndexDescription description, string state) => new()
    {
        Id = PointIds.Index,
        Vectors = None(),
        Payload =
        {
            [Members.Kind] = Members.IndexKind,
            [Members.Format] = Format,
            [Members.WordRules] = Words.Version,
            [Members.Name] = description.Name,
            [Members.Embedder] = description.Embedder,
            [Members.Dimensions] = (long)description.Dimensions,
            [Members.State] = state,
        },
    };

    /// <summary>What the point says; <see langword="null"/> when the index is dropped.</summary>
    /// <exception cref="UnreadableException">It was written in another way.</exception>
    public static IndexDescription? ReadIndex(RetrievedPoint point, string collection)
    {
        if (point.Read(Members.State) == Members.Dropped)
        {
            return null;
        }

        var words = point.Read(Members.WordRules);
        return point.Number(Members.Format) == Format && words == Words.Version
            ? new(point.Read(Members.Name), point.Read(Members.Embedder), point.Number(Members.Dimensions))
            : throw new UnreadableException(
                $"Collection {collection} is of format {point.Number(Members.Format)} with word rules {words}; this version "
                + $"reads {Format} and {Words.Version}. Persist the index with the version that made it and load it here, or "
                + "delete the collection and index the documents again.");
    }

    /// <summary>The chunks of a document that a write uploads; nobody sees them until the document says so.</summary>
    /// <param name="document">Whole.</param>
    /// <param name="write">That uploads it.</param>
    /// <param name="number">Counts what the write uploads.</param>
    public static IEnumerable<PointStruct> OfChunks(StoredDocument document, WriteId write, Func<uint> number)
    {
        var (attributes, named) = Attributes(document.Metadata);
        foreach (var chunk in document.Chunks)
        {
            yield return new()
            {
                Id = write.Point(number()),
                Vectors = OfChunk(chunk, document.Metadata),
                Payload =
                {
                    [Members.Kind] = Members.ChunkKind,
                    [Members.Document] = document.Id,
                    [Members.Write] = write.Text,
                    [Members.Node] = chunk.NodeId,
                    [Members.Text] = chunk.Text,
                    [Members.Start] = (long)chunk.Start,
                    [Members.End] = (long)chunk.End,
                    [Members.Attributes] = attributes,
                    [Members.Named] = named,
                },
            };
        }
    }

    /// <summary>Says that what a write has uploaded is the document.</summary>
    public static PointStruct OfDocument(StoredDocument document, WriteId write)
    {
        var (attributes, named) = Attributes(document.Metadata);
        return new()
        {
            Id = PointIds.Document(document.Id),
            Vectors = None(),
            Payload =
            {
                [Members.Kind] = Members.DocumentKind,
                [Members.Document] = document.Id,
                [Members.Write] = write.Text,
                [Members.Hash] = document.Hash,
                [Members.Metadata] = document.Metadata,
                [Members.Chunks] = (long)document.Chunks.Length,
                [Members.Attributes] = attributes,
                [Members.Named] = named,
            },
        };
    }

    /// <summary>Remembers what a write is about, until it has cleaned up behind itself.</summary>
    /// <param name="write">The write.</param>
    /// <param name="documents">Ids of what it changes.</param>
    /// <param name="before">The writes that those documents were of, which had been there.</param>
    public static PointStruct OfWrite(
        WriteId write, IReadOnlyCollection<string> documents, IReadOnlyDictionary<string, string> before) => new()
        {
            Id = write.Point(0),
            Vectors = None(),
            Payload =
            {
                [Members.Kind] = Members.WriteKind,
                [Members.Documents] = documents.ToArray(),
                [Members.Before] = documents.Select(id => before.GetValueOrDefault(id, "")).ToArray(),
            },
        };

    private static (string[] Attributes, string[] Named) Attributes(string metadata)
    {
        var members = MetadataFilter.Attributes(metadata);
        return (
            [.. members.Select(static m => Members.Attribute(m.Name, m.Value))],
            [.. members.Select(static m => Members.NameKey(m.Name))]);
    }

    // A point may lack vectors; only the map itself must be there.
    private static Vectors None() => new Dictionary<string, Vector>();

    private static Vectors OfChunk(StoredChunk chunk, string metadata)
    {
        var vectors = new Dictionary<string, Vector> { [Members.DenseVector] = chunk.Vector.ToArray() };
        var words = WordVector.OfPassage(PassageText.Searched(chunk.Text, metadata));
        if (words.Indices.Length > 0)
        {
            vectors[Members.WordsVector] = words;
        }

        return vectors;
    }
}

/// <summary>A collection is of another version.</summary>
internal sealed class UnreadableException(string message) : Exception(message);
