using System.Text.Json;

namespace Kaito.Tokenization.Loading;

/// <summary>One value of a tokenizer file together with where it stands, so that every error can name it.</summary>
internal readonly struct JsonField(string file, string path, JsonElement value)
{
    public string File { get; } = file;

    public string Path { get; } = path;

    public JsonElement Value { get; } = value;

    public bool IsNull => Value.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined;

    public bool IsObject => Value.ValueKind == JsonValueKind.Object;

    public bool IsText => Value.ValueKind == JsonValueKind.String;

    /// <summary>The member's value; a null field when the member is missing.</summary>
    public JsonField this[string name]
    {
        get
        {
            if (Value.ValueKind != JsonValueKind.Object)
            {
                throw Invalid("an object is expected");
            }

            var path = Path.Length == 0 ? name : $"{Path}.{name}";
            return new(File, path, Value.TryGetProperty(name, out var member) ? member : default);
        }
    }

    public bool Has(string name) => IsObject && Value.TryGetProperty(name, out _);

    public string Text() => IsText ? Value.GetString()! : throw Invalid("a string is expected");

    public string? OptionalText() => IsNull ? null : Text();

    public bool Flag(bool missing) => Value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Null or JsonValueKind.Undefined => missing,
        _ => throw Invalid("true or false is expected"),
    };

    public int Number() => Value.ValueKind == JsonValueKind.Number && Value.TryGetInt32(out var number)
        ? number
        : throw Invalid("an integer is expected");

    public int Number(int missing) => IsNull ? missing : Number();

    public double Real() => Value.ValueKind == JsonValueKind.Number
        ? Value.GetDouble()
        : throw Invalid("a number is expected");

    public IEnumerable<JsonField> Items()
    {
        if (Value.ValueKind != JsonValueKind.Array)
        {
            throw Invalid("an array is expected");
        }

        var (file, path, index) = (File, Path, 0);
        foreach (var item in Value.EnumerateArray())
        {
            yield return new(file, $"{path}[{index++}]", item);
        }
    }

    public IEnumerable<(string Name, JsonField Value)> Members()
    {
        if (Value.ValueKind != JsonValueKind.Object)
        {
            throw Invalid("an object is expected");
        }

        var (file, path) = (File, Path);
        foreach (var member in Value.EnumerateObject())
        {
            yield return (member.Name, new(file, $"{path}.{member.Name}", member.Value));
        }
    }

    public TokenizerException Invalid(string problem) =>
        new($"{File}: field '{Path}': {problem}. Use the file published with the model, or convert it again.");

    public TokenizerException Unsupported(string kind) =>
        new($"{File}: field '{Path}': '{kind}' is not supported. Use a model whose tokenizer does not need it.");
}
