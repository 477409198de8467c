using Kaito.ModelBuilder.Onnx;
using Kaito.ModelBuilder.Safetensors;

namespace Kaito.ModelBuilder.Adapters;

/// <summary>Reads a folder that PEFT wrote: adapter_config.json and adapter_model.safetensors.</summary>
internal static class PeftAdapter
{
    public const string WeightsFile = "adapter_model.safetensors";

    private const string WrapperPrefix = "base_model.model.";
    private const string Down = ".lora_A.weight";
    private const string Up = ".lora_B.weight";

    // Checkpoints of some families keep in one layer what the graph has in several.
    private static readonly (string Fused, string[] Parts)[] s_fused =
    [
        ("qkv_proj", ["q_proj", "k_proj", "v_proj"]),
        ("gate_up_proj", ["gate_proj", "up_proj"]),
    ];

    /// <param name="folder">Of the adapter.</param>
    /// <param name="targets">The model's layers.</param>
    /// <param name="mostRank">A higher rank is refused.</param>
    /// <exception cref="ModelBuildException">
    /// The files are broken, or made for another model, or their rank is too high.
    /// </exception>
    public static AdapterWeights Read(string folder, IReadOnlyCollection<AdapterTarget> targets, int mostRank)
    {
        var config = PeftConfig.Read(folder);
        var path = Path.Combine(folder, WeightsFile);
        using var file = Open(path);
        var known = targets.ToDictionary(static target => target.Name, StringComparer.Ordinal);
        var layers = file.Tensors.Keys.Select(key => LayerOf(path, key)).Distinct(StringComparer.Ordinal).ToArray();
        if (layers.Length == 0)
        {
            throw new ModelBuildException($"'{path}' holds no tensor. Save the adapter again with PEFT.");
        }

        var highest = layers.Max(layer => config.RankOf(layer));
        if (highest > mostRank)
        {
            throw new ModelBuildException(
                $"'{folder}': LoRA rank {highest} is greater than max_lora_rank {mostRank}. Start the server with "
                + $"--max-lora-rank {highest}.");
        }

        var read = new Dictionary<string, LowRank>(StringComparer.Ordinal);
        foreach (var layer in layers)
        {
            var parts = Parts(path, layer, known);
            var rank = config.RankOf(layer);
            var (width, outputs) = (parts[0].Width, parts.Sum(static part => part.Outputs));
            var down = Matrix(file, path, Key(file, layer, Down), (rank, width), config.FanInFanOut);
            var up = Matrix(file, path, Key(file, layer, Up), (outputs, rank), config.FanInFanOut);
            var scale = (float)config.ScaleOf(layer);
            var first = 0;
            foreach (var part in parts)
            {
                read[part.Name] = new(
                    Transposed(down, (rank, width), (width, highest), 1),
                    Transposed(
                        up.AsSpan(first * rank, part.Outputs * rank), (part.Outputs, rank), (highest, part.Outputs),
                        scale));
                first += part.Outputs;
            }
        }

        return new(highest, read);
    }

    private static SafetensorsFile Open(string path)
    {
        try
        {
            return SafetensorsFile.Open(path);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new ModelBuildException(
                $"'{path}' can not be read ({cause.Message}). Give a folder that PEFT wrote.", cause);
        }
    }

    private static string LayerOf(string path, string key)
    {
        var suffix = new[] { Down, Up }.FirstOrDefault(s => key.EndsWith(s, StringComparison.Ordinal));
        if (suffix is null)
        {
            throw new ModelBuildException(
                $"'{path}': tensor '{key}' is no part of a low-rank addition to a linear layer. Train without DoRA, "
                + "embeddings and modules_to_save.");
        }

        var layer = key[..^suffix.Length];
        return layer.StartsWith(WrapperPrefix, StringComparison.Ordinal) ? layer[WrapperPrefix.Length..] : layer;
    }

    private static AdapterTarget[] Parts(string path, string layer, Dictionary<string, AdapterTarget> known)
    {
        if (known.TryGetValue(layer, out var whole))
        {
            return [whole];
        }

        foreach (var (fused, names) in s_fused)
        {
            if (layer.EndsWith("." + fused, StringComparison.Ordinal))
            {
                var stem = layer[..^fused.Length];
                if (names.All(name => known.ContainsKey(stem + name)))
                {
                    return [.. names.Select(name => known[stem + name])];
                }
            }
        }

        throw new ModelBuildException(
            $"'{path}' adds to '{layer}', which the model does not have. Use an adapter that was trained on this model.");
    }

    private static string Key(SafetensorsFile file, string layer, string suffix) =>
        file.Tensors.ContainsKey(WrapperPrefix + layer + suffix) ? WrapperPrefix + layer + suffix : layer + suffix;

    // Row-major [rows, columns], as torch keeps A [rank, width] and B [outputs, rank].
    private static float[] Matrix(
        SafetensorsFile file, string path, string key, (int Rows, int Columns) shape, bool transposed)
    {
        if (!file.Tensors.TryGetValue(key, out var entry))
        {
            throw new ModelBuildException($"'{path}': tensor '{key}' is missing. Save the adapter again with PEFT.");
        }

        var (rows, columns) = transposed ? (shape.Columns, shape.Rows) : shape;
        if (entry.Shape is not [var a, var b] || a != rows || b != columns)
        {
            throw new ModelBuildException(
                $"'{path}': tensor '{key}' has shape [{string.Join(", ", entry.Shape)}], but the model and "
                + $"{PeftConfig.FileName} imply [{rows}, {columns}]. Use an adapter that was trained on this model.");
        }

        var values = file.ReadFloats(key);
        if (!Array.TrueForAll(values, float.IsFinite))
        {
            throw new ModelBuildException($"'{path}': tensor '{key}' holds values that are not numbers. Train it again.");
        }

        return transposed ? MatrixLayout.Transpose(values, rows, columns) : values;
    }

    // Transposes some rows of a matrix and fills up with zeros: A [rank, width] becomes [width, padded] as B's rows
    // [count, rank] become [padded, count].
    private static float[] Transposed(
        ReadOnlySpan<float> rows, (int Count, int Width) shape, (int Rows, int Columns) padded, float scale)
    {
        var result = GC.AllocateArray<float>(padded.Rows * padded.Columns, pinned: true);
        for (var row = 0; row < shape.Count; row++)
        {
            for (var column = 0; column < shape.Width; column++)
            {
                result[(column * padded.Columns) + row] = rows[(row * shape.Width) + column] * scale;
            }
        }

        return result;
    }
}
