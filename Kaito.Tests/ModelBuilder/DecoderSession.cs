using System.Globalization;
using Kaito.ModelBuilder.Folders;
using Microsoft.ML.OnnxRuntime;

namespace Kaito.Tests.ModelBuilder;

/// <summary>Runs a built graph once over a whole sequence, without a past.</summary>
internal sealed class DecoderSession(string folder, int layers, int keyValueHeads, int headSize) : IDisposable
{
    private readonly InferenceSession _session = new(Path.Combine(folder, ModelFolder.ModelFile));
    private readonly RunOptions _options = new();

    /// <summary>Logits of every position, [tokens][vocabulary].</summary>
    public float[][] Logits(ReadOnlySpan<int> tokens)
    {
        var ids = new long[tokens.Length];
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = tokens[i];
        }

        var mask = Enumerable.Repeat(1L, ids.Length).ToArray();
        var inputs = new Dictionary<string, OrtValue>
        {
            ["input_ids"] = OrtValue.CreateTensorValueFromMemory(ids, [1, ids.Length]),
            ["attention_mask"] = OrtValue.CreateTensorValueFromMemory(mask, [1, ids.Length]),
        };
        if (_session.InputMetadata.ContainsKey("position_ids"))
        {
            inputs["position_ids"] = OrtValue.CreateTensorValueFromMemory(
                Enumerable.Range(0, ids.Length).Select(static position => (long)position).ToArray(), [1, ids.Length]);
        }

        for (var layer = 0; layer < layers; layer++)
        {
            foreach (var half in new[] { "key", "value" })
            {
                inputs[string.Create(CultureInfo.InvariantCulture, $"past_key_values.{layer}.{half}")] =
                    OrtValue.CreateTensorValueFromMemory(Array.Empty<float>(), [1, keyValueHeads, 0, headSize]);
            }
        }

        try
        {
            using var outputs = _session.Run(_options, inputs, ["logits"]);
            var flat = outputs[0].GetTensorDataAsSpan<float>().ToArray();
            return [.. flat.Chunk(flat.Length / ids.Length)];
        }
        finally
        {
            foreach (var value in inputs.Values)
            {
                value.Dispose();
            }
        }
    }

    public void Dispose()
    {
        _options.Dispose();
        _session.Dispose();
    }
}
