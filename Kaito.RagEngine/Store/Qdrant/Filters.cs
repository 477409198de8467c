using Qdrant.Client.Grpc;

namespace Kaito.RagEngine.Store.Qdrant;

/// <summary>PURE: which points are meant.</summary>
internal static class Filters
{
    public static Filter Kind(string kind) => new() { Must = { Members.IsKind(kind) } };

    /// <summary>Points of a kind whose document passes a filter of metadata, exactly.</summary>
    public static Filter Matching(string kind, MetadataFilter metadata)
    {
        var filter = Kind(kind);
        foreach (var (name, value) in metadata.Members)
        {
            if (value is null)
            {
                filter.MustNot.Add(Conditions.MatchKeyword(Members.Named, Members.NameKey(name)));
            }
            else
            {
                filter.Must.Add(Conditions.MatchKeyword(Members.Attributes, Members.Attribute(name, value)));
            }
        }

        return filter;
    }

    /// <summary>Leaves out what some writes have uploaded.</summary>
    public static Filter Without(this Filter filter, IReadOnlyCollection<string> writes)
    {
        if (writes.Count > 0)
        {
            filter.MustNot.Add(Conditions.Match(Members.Write, [.. writes]));
        }

        return filter;
    }

    /// <summary>Leaves out what writes have uploaded of single documents.</summary>
    public static Filter Without(this Filter filter, IEnumerable<Revision> revisions)
    {
        filter.MustNot.AddRange(revisions.GroupBy(static revision => revision.Write).Select(static group =>
            Conditions.Filter(new()
            {
                Must =
                {
                    Conditions.MatchKeyword(Members.Write, group.Key),
                    Conditions.Match(Members.Document, [.. group.Select(static revision => revision.Document)]),
                },
            })));
        return filter;
    }

    /// <summary>Chunks of documents that one write has uploaded.</summary>
    public static Filter Chunks(string write, IReadOnlyList<string> documents) => new()
    {
        Must =
        {
            Members.IsKind(Members.ChunkKind),
            Conditions.MatchKeyword(Members.Write, write),
            Conditions.Match(Members.Document, documents),
        },
    };
}

/// <summary>A document as one write has uploaded it.</summary>
internal readonly record struct Revision(string Document, string Write);
