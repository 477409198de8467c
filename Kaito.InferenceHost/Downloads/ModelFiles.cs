using System.Collections.Immutable;

namespace Kaito.InferenceHost.Downloads;

/// <summary>PURE but for looking into folders: which files of a repository make a model, and where in it the model is.</summary>
internal static class ModelFiles
{
    private const string GenAi = "genai_config.json";

    private static readonly string[] s_graphs = ["model.onnx", "onnx/model.onnx"];

    private static readonly string[] s_texts =
    [
        "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json", "chat_template.jinja", "modules.json", "sentence_bert_config.json",
        "config_sentence_transformers.json", "1_Pooling/config.json",
    ];

    /// <summary>
    /// The folder of the processor's ONNX model where there are several, the files of an encoder's graph, or those of a
    /// checkpoint; empty for none of these.
    /// </summary>
    public static ImmutableArray<T> Choose<T>(IReadOnlyList<T> files, Func<T, string> nameOf)
    {
        var names = files.Select(nameOf).ToHashSet(StringComparer.Ordinal);
        var generators = names.Where(static name => name == GenAi || name.EndsWith($"/{GenAi}", StringComparison.Ordinal));
        if (generators.OrderByDescending(Suits).ThenBy(static name => name, StringComparer.Ordinal).FirstOrDefault() is { } best)
        {
            var folder = best[..^GenAi.Length];
            return Those(name => name.StartsWith(folder, StringComparison.Ordinal)
                && !name.AsSpan(folder.Length).Contains('/'));
        }

        var graph = s_graphs.FirstOrDefault(names.Contains);
        return graph is not null ? Those(name => name == graph || name == $"{graph}_data" || s_texts.Contains(name))
            : names.Any(static name => name.EndsWith(".safetensors", StringComparison.Ordinal))
                ? Those(static name => s_texts.Contains(name) || name.EndsWith(".safetensors", StringComparison.Ordinal)
                    || name.EndsWith(".safetensors.index.json", StringComparison.Ordinal))
                : [];

        ImmutableArray<T> Those(Func<string, bool> wanted) => [.. files.Where(file => wanted(nameOf(file)))];
    }

    /// <returns>The folder below <paramref name="root"/> that holds the model; null when there is none.</returns>
    public static string? FolderIn(string root)
    {
        var files = Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(root, file).Replace('\\', '/')).ToArray();
        var chosen = Choose(files, static file => file);
        return chosen.FirstOrDefault(static file => file.EndsWith(GenAi, StringComparison.Ordinal)) is { } generator
            ? Path.GetDirectoryName(Path.Combine(root, generator))
            : chosen.IsEmpty ? null : root;
    }

    // Names of variants say the processor and the size of the weights.
    private static int Suits(string name) =>
        (name.Contains("cpu", StringComparison.OrdinalIgnoreCase) ? 4 : 0)
        + (name.Contains("int4", StringComparison.OrdinalIgnoreCase) ? 2 : 0)
        - (name.Contains("directml", StringComparison.OrdinalIgnoreCase) ? 4 : 0)
        + (name == GenAi ? 1 : 0);
}
