using Kaito.ModelBuilder.Decoder;
using Kaito.ModelBuilder.Folders;
using Kaito.ModelBuilder.Tiny;

namespace Kaito.Benchmarks.Inference;

/// <summary>
/// A model of about 300 million parameters in int4, of random weights: what it says means nothing, what it costs does.
/// Made once and kept below artifacts/.
/// </summary>
internal static class MediumModel
{
    private const string Stamp = "Kaito medium model, version 1\n";

    /// <returns>Path of its folder.</returns>
    public static string Ensure()
    {
        var folder = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "bench", "medium-int4"));
        if (ModelFolder.IsCurrent(folder, Stamp))
        {
            return folder;
        }

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
            Rope = new DefaultRope(10000),
        };
        var defaults = new GenerationDefaults
        {
            BeginToken = tokenizer.EndOfText,
            EndTokens = [tokenizer.MessageEnd, tokenizer.EndOfText],
            PadToken = tokenizer.EndOfText,
            ModelType = "llama",
        };
        ModelFolder.Write(folder, Stamp, draft =>
        {
            ModelFolder.WriteModel(draft, shape, new RandomWeights(), WeightPrecision.Int4, defaults);
            File.WriteAllText(Path.Combine(draft, ModelFolder.TokenizerFile), tokenizer.Render());
            File.WriteAllText(
                Path.Combine(draft, ModelFolder.TokenizerConfigFile), TinyTokenizer.RenderConfig(shape.Context));
        });
        return folder;
    }
}
