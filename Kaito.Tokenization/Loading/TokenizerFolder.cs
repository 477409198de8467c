using System.Text.Json;

namespace Kaito.Tokenization.Loading;

/// <summary>The JSON files of a model folder.</summary>
internal static class TokenizerFolder
{
    private static readonly string[] s_otherFormats = ["tokenizer.model", "tekken.json", "vocab.json", "vocab.txt"];

    private static readonly JsonDocumentOptions s_options = new() { MaxDepth = 128 };

    /// <summary>A required file.</summary>
    public static JsonField Read(string folder, string name) =>
        TryRead(folder, name) is { IsNull: false } root ? root : throw Missing(folder, name);

    /// <summary>An optional file; an empty object when it is missing.</summary>
    public static JsonField ReadOptional(string folder, string name) =>
        TryRead(folder, name) is { IsNull: false } root ? root : new(name, "", Parse(name, "{}"u8.ToArray()));

    private static JsonField TryRead(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        try
        {
            return File.Exists(path) ? new(path, "", Parse(path, File.ReadAllBytes(path))) : default;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TokenizerException($"{path} cannot be read: {e.Message} Check the folder's permissions.", e);
        }
    }

    private static JsonElement Parse(string path, byte[] utf8)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8, s_options);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw new TokenizerException($"{path} is not a JSON object. Download the file again.");
        }
        catch (JsonException e)
        {
            throw new TokenizerException($"{path} is not valid JSON: {e.Message} Download the file again.", e);
        }
    }

    private static TokenizerException Missing(string folder, string name)
    {
        var other = Array.Find(s_otherFormats, file => File.Exists(Path.Combine(folder, file)));
        return new(other is null
            ? $"{Path.Combine(folder, name)} does not exist. Download it with the model."
            : $"{Path.Combine(folder, name)} does not exist, only {other}, which is not supported. "
                + $"Save the tokenizer in the fast format, which writes {name}.");
    }
}
