using System.Text.Json;

namespace Kaito.RagEngine.Retrieval;

/// <summary>Upstream's node with score, and after its members where the passage stands in its document.</summary>
internal static class NodeJson
{
    /// <param name="json">Receives the object.</param>
    /// <param name="ranked">What was found.</param>
    /// <param name="score">In the terms of the route.</param>
    /// <param name="question">Chooses the quote.</param>
    /// <param name="nullMetadata">Whether empty metadata are null, as in retrievals, or an empty object.</param>
    public static void Write(Utf8JsonWriter json, Ranked ranked, double score, string question, bool nullMetadata)
    {
        var passage = ranked.Hit.Passage;
        json.WriteStartObject();
        json.WriteString("doc_id", passage.DocumentId);
        json.WriteString("node_id", passage.NodeId);
        json.WriteString("text", passage.Text);
        json.WriteNumber("score", score);
        Write(json, "dense_score", ranked.Hit.Cosine);
        Write(json, "sparse_score", ranked.Hit.Keywords);
        json.WriteString("source", ranked.Source);
        json.WritePropertyName("metadata");
        json.WriteRawValue(nullMetadata && passage.Metadata == "{}" ? "null" : passage.Metadata);
        var citation = Citation.Of(passage, question);
        json.WriteStartObject("citation");
        json.WriteString("quote", citation.Quote);
        json.WriteNumber("start", citation.Start);
        json.WriteNumber("end", citation.End);
        json.WriteNumber("node_start", passage.Start);
        json.WriteNumber("node_end", passage.End);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number)
        {
            json.WriteNumber(name, number);
        }
        else
        {
            json.WriteNull(name);
        }
    }
}
