using Kaito.ModelBuilder.Decoder;
using Kaito.ModelBuilder.Folders;

namespace Kaito.Benchmarks.Masks;

/// <summary>
/// About 300 million weights of 4 bits (twelve layers of the size of Qwen2.5-0.5B's and its head), for the vocabulary of
/// <see cref="WideVocabulary"/>: where a mask weighs most. Made once and kept below artifacts/.
/// </summary>
internal static class WideModel
{
    private const string Stamp = "Kaito wide model, version 1\n";

    /// <returns>Path of its folder.</returns>
    public static string Ensure()
    {
        var folder = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "bench", "wide-int4"));
        if (ModelFolder.IsCurrent(folder, Stamp))
        {
            return folder;
        }

        var shape = new DecoderShape
        {
            Layers = 12,
            Hidden = 896,
            Heads = 14,
            KeyValueHeads = 2,
            HeadSize = 64,
            Intermediate = 4864,
            Vocabulary = WideVocabulary.Count,
            Context = 2048,
            NormEpsilon = 1e-5f,
            Rope = new DefaultRope(10_000),
        };
        var defaults = new GenerationDefaults
        {
            BeginToken = 0,
            EndTokens = [WideVocabulary.End],
            PadToken = 0,
            ModelType = "llama",
        };
        ModelFolder.Write(folder, Stamp, draft =>
        {
            ModelFolder.WriteModel(draft, shape, new RepeatedWeights(), WeightPrecision.Int4, defaults);

            // Nobody reads them; without them a folder is not complete.
            File.WriteAllText(Path.Combine(draft, ModelFolder.TokenizerFile), "{}");
            File.WriteAllText(Path.Combine(draft, ModelFolder.TokenizerConfigFile), "{}");
        });
        return folder;
    }

    /// <summary>Made in no time: what the numbers are does not matter to the time of a step.</summary>
    private sealed class RepeatedWeights : IDecoderWeights
    {
        private readonly float[] _numbers = [.. Enumerable.Range(0, 1 << 16).Select(static i => ((i * 7919 % 257) - 128) / 4096f)];

        public float[] Read(string name, params ReadOnlySpan<int> shape)
        {
            var values = new float[shape.Length == 1 ? shape[0] : shape[0] * shape[1]];
            for (var at = 0; at < values.Length; at += _numbers.Length)
            {
                _numbers.AsSpan(0, int.Min(_numbers.Length, values.Length - at)).CopyTo(values.AsSpan(at));
            }

            return values;
        }
    }
}
