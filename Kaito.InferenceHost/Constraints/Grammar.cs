using System.Text.Encodings.Web;
using System.Text.Json.Nodes;

namespace Kaito.InferenceHost.Constraints;

/// <summary>What an answer must look like.</summary>
/// <param name="Kind"><c>json</c>, <c>regex</c> or <c>lark</c>.</param>
/// <param name="Text">The schema, expression or grammar.</param>
internal sealed record Grammar(string Kind, string Text)
{
    /// <summary>Any JSON object.</summary>
    public static Grammar Object { get; } = Json(new JsonObject { ["type"] = "object" });

    /// <summary>JSON that a schema accepts, without white space: a model that may emit some may never end.</summary>
    public static Grammar Json(JsonNode schema)
    {
        var compact = schema.DeepClone();
        if (compact is JsonObject members)
        {
            members["x-guidance"] = new JsonObject { ["whitespace_flexible"] = false };
        }

        return new("json", compact.ToJsonString());
    }

    /// <summary>Text that a regular expression matches from its start to its end.</summary>
    public static Grammar Regex(string expression) => new("regex", expression);

    /// <summary>Text of a Lark grammar.</summary>
    public static Grammar Lark(string grammar) => new("lark", grammar);

    /// <summary>One of these texts.</summary>
    public static Grammar Choice(IEnumerable<string> texts) => new("lark", "start: " + string.Join(" | ", texts.Select(
        static text => $"\"{JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(text)}\"")));
}

/// <summary>The grammar is none, or one that cannot be served; the message is for the client.</summary>
internal sealed class GrammarException(string message) : Exception(message);
