using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Kaito.InferenceHost.Http;

/// <summary>The body is not JSON, or a member has the wrong type; the message is for the client.</summary>
/// <param name="param">Where, such as <c>body.messages.0.content</c>.</param>
/// <param name="problem">What is there and what belongs there.</param>
/// <param name="inner">What the reader said.</param>
internal sealed class MalformedBodyException(string param, string problem, JsonException inner)
    : Exception($"1 validation error:\n  {param}: {problem}", inner)
{
    private const string WrongType = "The JSON value could not be converted to ";

    private const string MissingMember = "missing required properties including: ";

    public string Param { get; } = param;

    public static MalformedBodyException Of(JsonException bad, ReadOnlyMemory<byte> json, JsonTypeInfo contract)
    {
        if (json.Span.IndexOfAnyExcept(" \t\r\n"u8) < 0)
        {
            return new("body", "the body is empty; send a JSON object.", bad);
        }

        var place = bad.LineNumber is null ? "" : $" (line {bad.LineNumber + 1}, byte {bad.BytePositionInLine})";
        return new(Dotted(bad.Path), ProblemOf(bad, JsonPath.TextAt(json, bad.Path), contract) + place, bad);
    }

    private static string ProblemOf(JsonException bad, string? value, JsonTypeInfo contract)
    {
        if (value is null && bad.Path is not null)
        {
            return $"not JSON: {FirstSentence(bad.Message)} Send one JSON object.";
        }

        if (bad.Message.StartsWith(WrongType, StringComparison.Ordinal))
        {
            return $"the value is {value}; give {Expected(JsonPath.TypeAt(contract, bad.Path))}.";
        }

        var missing = bad.Message.IndexOf(MissingMember, StringComparison.Ordinal);
        return missing >= 0
            ? $"the value is {value}; add the member {FirstSentence(bad.Message[(missing + MissingMember.Length)..])}"
            : $"{(value is null ? "" : $"the value is {value}. ")}{FirstSentence(bad.Message)}";
    }

    // The rest of the message repeats the path.
    private static string FirstSentence(string message)
    {
        var end = message.IndexOf(" Path: ", StringComparison.Ordinal);
        return end < 0 ? message : message[..end];
    }

    private static string Expected(Type? type) => type switch
    {
        null => "another value",
        _ when type == typeof(float?) || type == typeof(float) => "a number",
        _ when type == typeof(int?) || type == typeof(int) => "a whole number",
        _ when type == typeof(long?) => "a whole number",
        _ when type == typeof(bool?) => "true or false",
        _ when type == typeof(string) => "a string",
        _ when type.Name.StartsWith("IReadOnlyList", StringComparison.Ordinal) => "a list",
        _ => "a JSON object",
    };

    // $.messages[0].content becomes body.messages.0.content, as the protocol's other servers say it.
    private static string Dotted(string? path) =>
        "body" + (path ?? "$").TrimStart('$').Replace("[", ".", StringComparison.Ordinal)
            .Replace("]", "", StringComparison.Ordinal).Replace("'", "", StringComparison.Ordinal);
}
