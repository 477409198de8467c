using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Kaito.InferenceHost.Engine;

/// <summary>Reads one JSON file of a model folder; every fault names file, place, value and remedy.</summary>
internal static class ConfigFile
{
    /// <param name="file">Full path; exists.</param>
    /// <param name="contract">Its generated contract.</param>
    /// <param name="remedy">What the user can do, as a clause.</param>
    /// <exception cref="ModelFolderException">Unreadable, not JSON, or a member has the wrong type.</exception>
    public static T Read<T>(string file, JsonTypeInfo<T> contract, string remedy)
    {
        byte[] json;
        try
        {
            json = File.ReadAllBytes(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFolderException(file, "file", "unreadable", "make it readable for this process", e);
        }

        try
        {
            return JsonSerializer.Deserialize(json, contract)
                ?? throw new ModelFolderException(file, "$", "null", remedy);
        }
        catch (JsonException e)
        {
            throw new ModelFolderException(
                file,
                e.Path ?? "$",
                JsonPath.TextAt(json, e.Path) ?? "not JSON",
                $"correct line {e.LineNumber + 1} of the file, or {remedy}",
                e);
        }
    }
}

/// <summary>Checks single fields of one file.</summary>
/// <param name="File">Full path.</param>
/// <param name="Remedy">What the user can do about a field that is missing, as a clause.</param>
internal readonly record struct FieldCheck(string File, string Remedy)
{
    public T Present<T>(T? value, string name)
        where T : class => value ?? throw Wrong(name, "missing", Remedy);

    public int Positive(int? value, string name) => value switch
    {
        null => throw Wrong(name, "missing", Remedy),
        < 1 => throw Wrong(name, $"{value}", "write a number above zero"),
        _ => value.Value,
    };

    /// <returns>The value itself, null included.</returns>
    public double? Within(double? value, string name, double least, double most) =>
        value is null || (value >= least && value <= most)
            ? value
            : throw Wrong(
                name,
                value.Value.ToString(CultureInfo.InvariantCulture),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"write a number {(least is double.Epsilon ? "above 0" : $"from {least}")} to {most}"));

    /// <returns>The ids of a number or an array of numbers; none when the field is missing or null.</returns>
    public ImmutableArray<int> TokenIds(JsonElement value, string name)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Undefined or JsonValueKind.Null:
                return [];
            case JsonValueKind.Number when value.TryGetInt32(out var single):
                return [single];
            case JsonValueKind.Array when value.EnumerateArray().All(IsTokenId):
                return [.. value.EnumerateArray().Select(static item => item.GetInt32())];
            default:
                throw Wrong(name, value.GetRawText(), "write one token id or an array of token ids");
        }
    }

    public ModelFolderException Wrong(string name, string value, string remedy) => new(File, name, value, remedy);

    private static bool IsTokenId(JsonElement item) =>
        item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out _);
}
