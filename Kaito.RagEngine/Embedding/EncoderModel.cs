using Kaito.Embeddings;
using Kaito.Tokenization;
using Microsoft.Extensions.AI;

namespace Kaito.RagEngine.Embedding;

/// <summary>An ONNX encoder in this process. Texts longer than the model takes are cut. Thread-safe.</summary>
internal sealed class EncoderModel(EncoderFolder folder, Tokenizer tokenizer, Kaito.Embeddings.Embedder runner)
    : IEmbeddingGenerator<string, Embedding<float>>
{
    private const int MostJobs = 256;
    private const int JobTexts = 256;

    // BGE's English models were trained with it before questions, and with nothing before passages.
    private const string BgeQuestion = "Represent this question for searching relevant passages: ";

    /// <exception cref="EmbeddingException">The folder cannot be used.</exception>
    public static Embedder Load(string path, string name, TimeProvider clock)
    {
        try
        {
            var folder = EncoderFolder.Read(path);
            var tokenizer = Tokenizer.Load(folder.Path);
            var session = new EncoderSession(folder, Math.Max(1, Environment.ProcessorCount));
            var runner = new Kaito.Embeddings.Embedder(session, MostJobs, TimeSpan.FromSeconds(10), clock);
            return new(
                name, runner.Width, "local", Embedder.UsualThreshold, new EncoderModel(folder, tokenizer, runner))
            {
                // The estimate of tokens and the model's own count differ a little.
                MostTokens = Math.Max(64, folder.MaxTokens * 9 / 10),
                QueryPrefix = name.Contains("bge", StringComparison.OrdinalIgnoreCase)
                    && name.Contains("-en", StringComparison.OrdinalIgnoreCase)
                    ? BgeQuestion
                    : "",
            };
        }
        catch (Exception wrong) when (wrong is EncoderException or TokenizerException)
        {
            throw new EmbeddingException(wrong.Message, wrong);
        }
    }

    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values,
        EmbeddingGenerationOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        var made = new GeneratedEmbeddings<Embedding<float>>();
        foreach (var texts in values.Chunk(JobTexts))
        {
            int[][] tokens = [.. texts.Select(Tokens)];
            if (!runner.TryEmbed(tokens, cancellationToken, out var answer))
            {
                throw new EmbeddingException("Too many texts wait to be embedded; send them again later.");
            }

            try
            {
                foreach (var vector in await answer)
                {
                    made.Add(new(Vectors.Shape(vector, vector.Length, normalize: true)));
                }
            }
            catch (EncoderException failure)
            {
                throw new EmbeddingException(failure.Message, failure);
            }
        }

        return made;
    }

    public object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is null && serviceType.IsInstanceOfType(this) ? this : null;

    public void Dispose() => runner.Dispose();

    private int[] Tokens(string text)
    {
        var tokens = tokenizer.EncodeTruncated(text, folder.MaxTokens, addSpecialTokens: true, out _);
        return tokens.Length > 0 ? tokens : [folder.PadToken];
    }
}
