using System.Text.Json;

namespace Kaito.ModelBuilder.Checkpoints;

/// <summary>
/// Typed access to one JSON object of a checkpoint; every failure names file, field, value and remedy.
/// </summary>
/// <param name="file">File name, for messages.</param>
/// <param name="path">Where the object is inside the file, e.g. <c>rope_scaling.</c>; empty for the root.</param>
/// <param name="fields">The object; an undefined element has no fields.</param>
internal sealed class ConfigFields(string file, string path, JsonElement fields)
{
    /// <summary>Reads a file whose root must be an object.</summary>
    public static ConfigFields Load(string folder, string file)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, file)));
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new(file, "", document.RootElement.Clone())
                : throw new ModelBuildException($"'{file}' in '{folder}' is not a JSON object. Download it again.");
        }
        catch (JsonException cause)
        {
            throw new ModelBuildException($"'{file}' in '{folder}' is not JSON: {cause.Message}", cause);
        }
    }

    /// <summary>Members of the object.</summary>
    public int Count => fields.ValueKind == JsonValueKind.Object ? fields.EnumerateObject().Count() : 0;

    public bool Has(string name) => Find(name) is not null;

    /// <summary>True when the member is written, even as null.</summary>
    public bool Mentions(string name) =>
        fields.ValueKind == JsonValueKind.Object && fields.TryGetProperty(name, out _);

    public int Positive(string name, int? otherwise = null)
    {
        if (Find(name) is not { } value)
        {
            return otherwise ?? throw Wrong(name, "missing", "state a positive integer");
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number > 0
            ? number
            : throw Wrong(name, value.GetRawText(), "give a positive integer");
    }

    public double? Number(string name)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number)
            ? number
            : throw Wrong(name, value.GetRawText(), "give a number");
    }

    public double PositiveNumber(string name, double? otherwise = null)
    {
        var number = Number(name) ?? otherwise ?? throw Wrong(name, "missing", "state a number above 0");
        return number > 0 && double.IsFinite(number)
            ? number
            : throw Wrong(name, $"{number}", "give a number above 0");
    }

    public bool Flag(string name, bool otherwise)
    {
        if (Find(name) is not { } value)
        {
            return otherwise;
        }

        return value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : throw Wrong(name, value.GetRawText(), "give true or false");
    }

    public string? Text(string name)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : throw Wrong(name, value.GetRawText(), "give a string");
    }

    /// <summary>A list of strings; empty when missing.</summary>
    public IReadOnlyList<string> Texts(string name)
    {
        if (Find(name) is not { } value)
        {
            return [];
        }

        return value.ValueKind == JsonValueKind.Array
            && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String)
            ? [.. value.EnumerateArray().Select(item => item.GetString() ?? "")]
            : throw Wrong(name, value.GetRawText(), "give a list of strings");
    }

    /// <summary>A list of numbers above zero; wrong when it is missing.</summary>
    public IReadOnlyList<double> Numbers(string name)
    {
        if (Find(name) is { ValueKind: JsonValueKind.Array } list
            && list.EnumerateArray().All(static item =>
                item.ValueKind == JsonValueKind.Number && item.TryGetDouble(out var number) && number > 0))
        {
            return [.. list.EnumerateArray().Select(static item => item.GetDouble())];
        }

        throw Wrong(name, Find(name)?.GetRawText() ?? "missing", "give a list of numbers above zero");
    }

    /// <summary>Token ids, from one number or a list; empty when missing.</summary>
    public IReadOnlyList<int> Tokens(string name)
    {
        if (Find(name) is not { } value)
        {
            return [];
        }

        var items = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().ToArray() : [value];
        return items.All(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out var id) && id >= 0)
            ? [.. items.Select(item => item.GetInt32())]
            : throw Wrong(name, value.GetRawText(), "give a token id or a list of token ids");
    }

    /// <summary>A nested object; one without fields when missing.</summary>
    public ConfigFields Object(string name)
    {
        if (Find(name) is not { } value)
        {
            return new(file, $"{path}{name}.", default);
        }

        return value.ValueKind == JsonValueKind.Object
            ? new(file, $"{path}{name}.", value)
            : throw Wrong(name, value.GetRawText(), "give an object");
    }

    /// <summary>The error for a field whose value can not be used.</summary>
    public ModelBuildException Wrong(string name, string value, string remedy) =>
        new($"{file}: '{path}{name}' is {value}; {remedy}.");

    // Null means the same as missing.
    private JsonElement? Find(string name) =>
        fields.ValueKind == JsonValueKind.Object
        && fields.TryGetProperty(name, out var value)
        && value.ValueKind != JsonValueKind.Null
            ? value
            : null;
}
