using System.Collections.Immutable;

namespace Kaito.Benchmarks.Retrieval;

/// <summary>What a client knows of one index: what was acknowledged, and what was under way when the service died.</summary>
/// <param name="name">Of the index.</param>
/// <param name="random">Chooses what to do.</param>
internal sealed class IndexModel(string name, Random random)
{
    private const int Plenty = 60;

    private int _next;

    public string Name => name;

    /// <summary>Text by id, as acknowledged.</summary>
    public ImmutableSortedDictionary<string, string> Acknowledged { get; private set; } =
        ImmutableSortedDictionary<string, string>.Empty.WithComparers(StringComparer.Ordinal);

    /// <summary>What it becomes if the request under way counts.</summary>
    public ImmutableSortedDictionary<string, string>? Pending { get; private set; }

    /// <summary>A request that changes the index, and what the index is after it.</summary>
    public IndexChange Next()
    {
        var change = random.Next(10) switch
        {
            0 when Acknowledged.Count > 0 => new("DELETE", $"/indexes/{name}", null, Acknowledged.Clear()),
            < 5 when Acknowledged.Count < Plenty => Add(),
            < 8 when Acknowledged.Count > 0 => Update(),
            _ => Acknowledged.Count > 0 ? Remove() : Add(),
        };
        Pending = change.After;
        return change;
    }

    public void Acknowledge(IndexChange change) => (Acknowledged, Pending) = (change.After, null);

    /// <summary>Takes what the service has kept as the truth.</summary>
    /// <returns>Null when that is right; otherwise what is wrong with it.</returns>
    public string? Accept(ImmutableSortedDictionary<string, string> found)
    {
        var right = found.SequenceEqual(Acknowledged) || (Pending is not null && found.SequenceEqual(Pending));
        var problem = right
            ? null
            : $"{name}: lost {string.Join(", ", Acknowledged.Keys.Except(found.Keys).Except(Missing))}; "
                + $"ghosts {string.Join(", ", found.Keys.Except(Acknowledged.Keys))}; {found.Count} documents for "
                + $"{Acknowledged.Count} acknowledged and {Pending?.Count ?? -1} pending.";
        (Acknowledged, Pending) = (found, null);
        return problem;
    }

    private IEnumerable<string> Missing => Pending is null ? [] : Acknowledged.Keys.Except(Pending.Keys);

    private IndexChange Add()
    {
        string[] texts = [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => Text())];
        return new(
            "POST", "/index", new { index_name = name, documents = texts.Select(static text => new { text }) },
            Acknowledged.AddRange(texts.Select(static text => KeyValuePair.Create(IndexChange.IdOf(text), text))));
    }

    private IndexChange Update()
    {
        var changed = Some().ToDictionary(static id => id, _ => Text());
        return new(
            "POST", $"/indexes/{name}/documents",
            new { documents = changed.Select(static c => new { doc_id = c.Key, text = c.Value }) },
            Acknowledged.SetItems(changed));
    }

    private IndexChange Remove()
    {
        var ids = Some();
        return new("POST", $"/indexes/{name}/documents/delete", new { doc_ids = ids }, Acknowledged.RemoveRange(ids));
    }

    private string[] Some() => [.. Acknowledged.Keys.OrderBy(_ => random.Next()).Take(random.Next(1, 4))];

    // Long enough for several pages of the file.
    private string Text() =>
        $"Document {name}-{_next++}-{random.Next()} " + new string((char)('a' + random.Next(26)), random.Next(10, 3000));
}
