using Kaito.Benchmarks.Masks;
using Kaito.ModelBuilder.Decoder;
using Kaito.ModelBuilder.Folders;
using Kaito.ModelBuilder.Tiny;

namespace Kaito.Benchmarks.Models;

/// <summary>
/// Decoders of about 300 million weights, usually of 4 bits, all random: what they say means nothing, what they cost does. Each is made
/// once and kept below artifacts/.
/// </summary>
internal static class BenchModel
{
    /// <summary>Deep, with a small vocabulary: as many steps of attention as a model of this size has.</summary>
    /// <returns>Path of its folder.</returns>
    public static string EnsureDeep(WeightPrecision precision = WeightPrecision.Int4)
    {
        var tokenizer = TinyTokenizer.Train();
        var shape = new DecoderShape
        {
            Layers = 26,
            Hidden = 1024,
            Heads = 16,
            KeyValueHeads = 4,
            HeadSize = 64,
            Intermediate = 2816,
            Vocabulary = tokenizer.Vocabulary,
            Context = 2048,
            NormEpsilon = 1e-5f,
            Rope = new DefaultRope(10_000),
        };
        return Ensure(
            $"deep-{precision}",
            "Kaito deep model, version 1\n",
            shape,
            precision,
            (tokenizer.EndOfText, [tokenizer.MessageEnd, tokenizer.EndOfText]),
            (tokenizer.Render(), TinyTokenizer.RenderConfig(shape.Context)));
    }

    /// <summary>
    /// Twelve layers of the size of Qwen2.5-0.5B's and its head, for the words of <see cref="WideVocabulary"/>: where a mask
    /// weighs most.
    /// </summary>
    /// <returns>Path of its folder, which has no tokenizer.</returns>
    public static string EnsureWide() => Ensure(
        "wide",
        "Kaito wide model, version 2\n",
        new()
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
        },
        WeightPrecision.Int4,
        (0, [WideVocabulary.End]),
        ("{}", "{}"));

    private static string Ensure(
        string name,
        string stamp,
        DecoderShape shape,
        WeightPrecision precision,
        (int Begin, int[] Ends) tokens,
        (string File, string Config) tokenizer)
    {
        var folder = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "bench", name));
        if (ModelFolder.IsCurrent(folder, stamp))
        {
            return folder;
        }

        var defaults = new GenerationDefaults
        {
            BeginToken = tokens.Begin,
            EndTokens = tokens.Ends,
            PadToken = tokens.Begin,
            ModelType = "llama",
        };
        ModelFolder.Write(folder, stamp, draft =>
        {
            ModelFolder.WriteModel(draft, shape, new RandomWeights(), precision, defaults);
            File.WriteAllText(Path.Combine(draft, ModelFolder.TokenizerFile), tokenizer.File);
            File.WriteAllText(Path.Combine(draft, ModelFolder.TokenizerConfigFile), tokenizer.Config);
        });
        return folder;
    }
}
