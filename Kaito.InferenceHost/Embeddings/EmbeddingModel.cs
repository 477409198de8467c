using System.Collections.Frozen;
using Kaito.Embeddings;
using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Models;
using Kaito.Tokenization;

namespace Kaito.InferenceHost.Embeddings;

/// <summary>What an embedding model has besides a name: its encoder and its rules. Thread-safe.</summary>
/// <param name="Folder">Limits and defaults.</param>
/// <param name="Tokenizer">Text to ids.</param>
/// <param name="Embedder">Ids to vectors.</param>
internal sealed record EmbeddingModel(EncoderFolder Folder, Tokenizer Tokenizer, Embedder Embedder)
{
    /// <exception cref="EncoderException">The folder or its graph cannot be used.</exception>
    /// <exception cref="TokenizerException">The tokenizer cannot be used.</exception>
    public static LoadedModel Load(InferenceHostOptions options, TimeProvider clock)
    {
        var started = clock.GetTimestamp();
        var folder = EncoderFolder.Read(options.ModelPath);
        folder = folder with { MaxTokens = Math.Min(folder.MaxTokens, options.MaxModelLength ?? folder.MaxTokens) };
        var tokenizer = Tokenizer.Load(folder.Path);
        var vocabulary = folder.Vocabulary ?? tokenizer.VocabularySize;
        if (tokenizer.VocabularySize > vocabulary)
        {
            throw new EncoderException(
                $"{folder.Path}: tokenizer.json has {tokenizer.VocabularySize} tokens and config.json has vocab_size "
                + $"{vocabulary}; use files of the same model.");
        }

        var tokenized = clock.GetElapsedTime(started);
        var session = new EncoderSession(folder, new EngineOptions().Threads);
        var embedder = new Embedder(session, options.QueueCapacity, options.ShutdownGrace, clock);
        var model = new ServedModel(
            options.ServedModelName,
            options.Root,
            folder.MaxTokens,
            vocabulary,
            FrozenSet<int>.Empty,
            new TokenizerText(tokenizer, null, clock),
            clock.GetUtcNow().ToUnixTimeSeconds())
        {
            Embeddings = new(folder, tokenizer, embedder),
        };
        return new(model, new EncoderEngine(embedder, new(folder.MaxTokens, 1, vocabulary)))
        {
            Report = new(
                "encoder", null,
                [new("tokenizer", tokenized), new("encoder", clock.GetElapsedTime(started) - tokenized)]),
        };
    }
}
