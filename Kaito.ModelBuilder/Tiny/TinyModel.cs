using Kaito.ModelBuilder.Decoder;
using Kaito.ModelBuilder.Folders;

namespace Kaito.ModelBuilder.Tiny;

/// <summary>
/// The model of tests and demo: 4 layers, a few megabytes, made from nothing in well under a second, the same bytes
/// every time.
/// </summary>
internal static class TinyModel
{
    /// <summary>Longest sequence in tokens.</summary>
    public const int Context = 4096;

    // Raise it with every change that alters the bytes; folders of another version are rebuilt.
    private const string Stamp = "Kaito tiny model, version 1\n";

    private const string AdaptersStamp = "Kaito tiny model, version 1, adapters\n";

    /// <summary>Writes the model folder unless it is there already.</summary>
    /// <param name="folder">Created with its parents; must not hold foreign files.</param>
    /// <param name="adapters">The model takes adapters, see <see cref="DecoderShape.TakesAdapters"/>.</param>
    /// <returns>False when the folder was up to date.</returns>
    /// <exception cref="ModelBuildException">The folder holds files that are not ours.</exception>
    public static bool Write(string folder, bool adapters = false)
    {
        var stamp = adapters ? AdaptersStamp : Stamp;
        if (ModelFolder.IsCurrent(folder, stamp))
        {
            return false;
        }

        var tokenizer = TinyTokenizer.Train();
        var shape = ShapeFor(tokenizer.Vocabulary) with { TakesAdapters = adapters };
        var defaults = new GenerationDefaults
        {
            BeginToken = tokenizer.EndOfText,
            EndTokens = [tokenizer.MessageEnd, tokenizer.EndOfText],
            PadToken = tokenizer.EndOfText,
            ModelType = "llama",
        };
        ModelFolder.Write(folder, stamp, draft =>
        {
            var weights = new TinyWeights(shape, tokenizer);
            ModelFolder.WriteModel(draft, shape, weights, WeightPrecision.Float32, defaults);
            File.WriteAllText(Path.Combine(draft, ModelFolder.TokenizerFile), tokenizer.Render());
            File.WriteAllText(
                Path.Combine(draft, ModelFolder.TokenizerConfigFile), TinyTokenizer.RenderConfig(Context));
        });
        return true;
    }

    private static DecoderShape ShapeFor(int vocabulary) => new()
    {
        Layers = 4,
        Hidden = 128,
        Heads = 4,
        KeyValueHeads = 2,
        HeadSize = 32,
        Intermediate = 384,
        Vocabulary = vocabulary,
        Context = Context,
        NormEpsilon = 1e-5f,
        Rope = new DefaultRope(10000),
    };
}
