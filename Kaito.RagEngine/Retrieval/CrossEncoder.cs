using Kaito.Embeddings;
using Kaito.RagEngine.Embedding;
using Kaito.Tokenization;

namespace Kaito.RagEngine.Retrieval;

/// <summary>Judges how well passages answer a question, reading both together. Thread-safe.</summary>
internal sealed class CrossEncoder : IDisposable
{
    private const int MostJobs = 64;

    // Of the model's length, for a question that is very long.
    private const int QuestionShare = 2;

    private readonly EncoderFolder _folder;
    private readonly Tokenizer _tokenizer;
    private readonly Kaito.Embeddings.Embedder _runner;
    private readonly int[] _frame;

    private CrossEncoder(EncoderFolder folder, Tokenizer tokenizer, Kaito.Embeddings.Embedder runner, int[] frame) =>
        (_folder, _tokenizer, _runner, _frame) = (folder, tokenizer, runner, frame);

    /// <exception cref="EmbeddingException">The folder is missing or cannot be used.</exception>
    public static CrossEncoder Load(Reranking reranking, TimeProvider clock)
    {
        string[] places = [reranking.Model, Path.Combine(reranking.ModelsFolder, reranking.Model)];
        var place = places.FirstOrDefault(EncoderFolder.IsAt) ?? throw new EmbeddingException(
            $"RAG_RERANK_MODEL is {reranking.Model}, and neither it nor {places[1]} holds config.json and model.onnx. Put the "
            + "ONNX folder of a cross-encoder there, or leave the setting out.");
        try
        {
            var folder = EncoderFolder.Read(place);
            var tokenizer = Tokenizer.Load(folder.Path);
            var frame = tokenizer.Encode("", addSpecialTokens: true);
            if (frame.Length != 2)
            {
                throw new EmbeddingException(
                    $"{folder.Path}: tokenizer.json puts {frame.Length} tokens around a text; a cross-encoder needs one "
                    + "before and one after.");
            }

            var session = EncoderSession.ForPairs(
                folder, Math.Max(1, Environment.ProcessorCount), folder.DoublesSeparator ? null : frame[1]);
            if (session.Width > 2)
            {
                session.Dispose();
                throw new EmbeddingException(
                    $"{folder.Path}: the model has {session.Width} classes; use one that says how relevant a passage is.");
            }

            return new(folder, tokenizer, new(session, MostJobs, TimeSpan.FromSeconds(10), clock), frame);
        }
        catch (Exception wrong) when (wrong is EncoderException or TokenizerException)
        {
            throw new EmbeddingException(wrong.Message, wrong);
        }
    }

    /// <summary>0 to 1 for each passage, in order.</summary>
    /// <exception cref="EmbeddingException">The model failed, or too many questions wait for it.</exception>
    public async Task<double[]> ScoreAsync(
        string question, IReadOnlyList<string> passages, CancellationToken cancellationToken)
    {
        if (passages.Count == 0)
        {
            return [];
        }

        var asked = _tokenizer.EncodeTruncated(
            question, _folder.MaxTokens / QuestionShare, addSpecialTokens: false, out _);
        int[][] pairs = [.. passages.Select(passage => Pair(asked, passage))];
        if (!_runner.TryEmbed(pairs, cancellationToken, out var answer))
        {
            throw new EmbeddingException("Too many questions wait for the reranker; send them again later.");
        }

        try
        {
            return [.. (await answer).Select(Relevance)];
        }
        catch (EncoderException failure)
        {
            throw new EmbeddingException(failure.Message, failure);
        }
    }

    public void Dispose() => _runner.Dispose();

    private int[] Pair(int[] question, string passage)
    {
        int[] between = _folder.DoublesSeparator ? [_frame[1], _frame[1]] : [_frame[1]];
        var room = Math.Max(1, _folder.MaxTokens - question.Length - between.Length - 2);
        var tokens = _tokenizer.EncodeTruncated(passage, room, addSpecialTokens: false, out _);
        return [_frame[0], .. question, .. between, .. tokens, _frame[1]];
    }

    // One class says how relevant it is; of two the second does.
    private static double Relevance(float[] logits) =>
        1 / (1 + Math.Exp(logits.Length == 1 ? -logits[0] : logits[0] - logits[1]));
}
