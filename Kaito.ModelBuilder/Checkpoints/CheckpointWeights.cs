using System.Text.Json;
using Kaito.ModelBuilder.Decoder;
using Kaito.ModelBuilder.Safetensors;

namespace Kaito.ModelBuilder.Checkpoints;

/// <summary>The tensors of a checkpoint folder: model.safetensors, or shards named by its index.</summary>
internal sealed class CheckpointWeights : IDecoderWeights, IDisposable
{
    private const string SingleFile = "model.safetensors";
    private const string IndexFile = "model.safetensors.index.json";

    // Exports of the bare decoder leave this prefix out.
    private const string DecoderPrefix = "model.";

    // Encoders with a head put it before theirs.
    private const string EncoderPrefix = "bert.";

    private readonly string _folder;
    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, SafetensorsFile> _owners = new(StringComparer.Ordinal);

    private CheckpointWeights(string folder) => _folder = folder;

    /// <exception cref="ModelBuildException">No safetensors weights, or a broken file.</exception>
    public static CheckpointWeights Open(string folder)
    {
        var weights = new CheckpointWeights(folder);
        try
        {
            if (File.Exists(Path.Combine(folder, SingleFile)))
            {
                weights.Add(SingleFile);
            }
            else if (File.Exists(Path.Combine(folder, IndexFile)))
            {
                weights.AddShards();
            }
            else
            {
                throw NoWeights(folder);
            }

            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    public float[] Read(string name, params ReadOnlySpan<int> shape)
    {
        var stored = Stored(name);
        var file = _owners[stored];
        var actual = file.Tensors[stored].Shape;
        var same = actual.Count == shape.Length;
        for (var axis = 0; same && axis < shape.Length; axis++)
        {
            same = actual[axis] == shape[axis];
        }

        return same
            ? file.ReadFloats(stored)
            : throw new ModelBuildException(
                $"Tensor '{stored}' in '{_folder}' has shape [{string.Join(", ", actual)}], but config.json implies "
                + $"[{string.Join(", ", shape.ToArray())}]. Use config.json and weights of the same checkpoint.");
    }

    public void Dispose()
    {
        foreach (var file in _files)
        {
            file.Dispose();
        }
    }

    private string Stored(string name)
    {
        var stored = Spellings(name).FirstOrDefault(_owners.ContainsKey);
        return stored ?? throw new ModelBuildException(
            $"Tensor '{name}' is missing in '{_folder}'. Download all weight files of the checkpoint; "
            + "adapters and partial checkpoints can not be converted.");
    }

    private static IEnumerable<string> Spellings(string name)
    {
        yield return name;
        yield return EncoderPrefix + name;
        if (name.StartsWith(DecoderPrefix, StringComparison.Ordinal))
        {
            yield return name[DecoderPrefix.Length..];
        }

        // The oldest encoders name the two vectors of a norm otherwise.
        var old = name.Replace("LayerNorm.weight", "LayerNorm.gamma", StringComparison.Ordinal)
            .Replace("LayerNorm.bias", "LayerNorm.beta", StringComparison.Ordinal);
        yield return old;
        yield return EncoderPrefix + old;
    }

    private void AddShards()
    {
        var path = Path.Combine(_folder, IndexFile);
        var names = ShardNames(path);
        foreach (var name in names)
        {
            if (name.Length == 0 || name is "." or ".." || name.AsSpan().IndexOfAny('/', '\\') >= 0)
            {
                throw new ModelBuildException(
                    $"'{path}': weight_map names the file '{name}'; only plain names in the same folder are read.");
            }

            if (!File.Exists(Path.Combine(_folder, name)))
            {
                throw new ModelBuildException(
                    $"File '{name}' is missing in '{_folder}', but {IndexFile} names it. Download it.");
            }

            Add(name);
        }
    }

    private static List<string> ShardNames(string path)
    {
        try
        {
            using var index = JsonDocument.Parse(File.ReadAllBytes(path));
            return
            [
                .. index.RootElement.GetProperty("weight_map").EnumerateObject()
                    .Select(entry => entry.Value.GetString() ?? "").Distinct().Order(StringComparer.Ordinal),
            ];
        }
        catch (Exception cause) when (cause is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new ModelBuildException(
                $"'{path}' has no usable weight_map ({cause.Message}). Download it again.", cause);
        }
    }

    private void Add(string name)
    {
        var file = SafetensorsFile.Open(Path.Combine(_folder, name));
        _files.Add(file);
        foreach (var tensor in file.Tensors.Keys)
        {
            _owners[tensor] = file;
        }
    }

    private static ModelBuildException NoWeights(string folder) =>
        Directory.EnumerateFiles(folder, "*.bin").Any()
            ? new($"'{folder}' has only pickled weights (*.bin), which can run code when read. "
                + $"Use a checkpoint with {SingleFile}.")
            : new($"File '{SingleFile}' is missing in '{folder}' and so is '{IndexFile}'. Download the weights.");
}
