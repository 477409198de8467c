using System.Numerics.Tensors;
using System.Text;
using Kaito.RagEngine.Store;
using Microsoft.Extensions.AI;

namespace Kaito.RagEngine.Embedding;

/// <summary>
/// Vectors without a model: words, pairs of words and the letter groups inside words are hashed to numbers, weighted by
/// how often they occur and how much they are likely to say. Knows no synonyms; the same text gives the same vector
/// everywhere and always.
/// </summary>
internal sealed class HashedGrams : IEmbeddingGenerator<string, Embedding<float>>
{
    public const string Name = "kaito/hashed-grams-1";
    public const int Dimensions = 384;

    /// <summary>Cosine 0.05: unrelated texts share some letters.</summary>
    public const double Threshold = 1.9;

    private const int GramLength = 4;

    // What short, frequent words are worth, by length; longer words count in full.
    private static readonly float[] s_byLength = [0, 0.1f, 0.2f, 0.35f, 0.75f];

    public static Embedder Create() => new(Name, Dimensions, "local", Threshold, new HashedGrams());

    public Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values,
        EmbeddingGenerationOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        var made = new GeneratedEmbeddings<Embedding<float>>();
        foreach (var value in values)
        {
            cancellationToken.ThrowIfCancellationRequested();
            made.Add(new(Embed(value)) { ModelId = Name });
        }

        return Task.FromResult(made);
    }

    public object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is null && serviceType.IsInstanceOfType(this) ? this : null;

    public void Dispose()
    {
    }

    /// <summary>Of length 1; of zeros for a text without words.</summary>
    public static float[] Embed(string text)
    {
        var counts = new Dictionary<ulong, (int Count, float Weight)>();
        string? before = null;
        Words.Each(text, word =>
        {
            var weight = word.Length < s_byLength.Length && Ascii.IsValid(word) ? s_byLength[word.Length] : 1;
            Add(counts, Hash(word, 1), weight);
            if (before is not null)
            {
                Add(counts, Hash(before, Hash(word, 2)), 0.3f * weight);
            }

            before = word;
            Grams(counts, word, weight);
        });

        var vector = new float[Dimensions];
        foreach (var (hash, (count, weight)) in counts)
        {
            var value = weight * (1 + MathF.Log(count));

            // Two places each, so that one collision does not make two features the same.
            vector[(int)(hash % Dimensions)] += (hash >> 62 & 1) == 0 ? value : -value;
            vector[(int)((hash >> 20) % Dimensions)] += hash >> 63 == 0 ? value : -value;
        }

        var norm = TensorPrimitives.Norm<float>(vector);
        if (norm > 0)
        {
            TensorPrimitives.Divide(vector, norm, vector);
        }

        return vector;
    }

    private static void Grams(Dictionary<ulong, (int Count, float Weight)> counts, string word, float weight)
    {
        if (word.Length <= GramLength)
        {
            return;
        }

        var marked = $"^{word}$";
        var each = 0.8f * weight / MathF.Sqrt(marked.Length - GramLength + 1);
        for (var at = 0; at + GramLength <= marked.Length; at++)
        {
            Add(counts, Hash(marked.AsSpan(at, GramLength), 3), each);
        }
    }

    private static void Add(Dictionary<ulong, (int Count, float Weight)> counts, ulong hash, float weight)
    {
        counts.TryGetValue(hash, out var had);
        counts[hash] = (had.Count + 1, Math.Max(had.Weight, weight));
    }

    // FNV-1a with a finish that spreads to all bits; vectors are stored, so it may never change.
    private static ulong Hash(ReadOnlySpan<char> text, ulong seed)
    {
        var hash = 14695981039346656037UL ^ (seed * 0x9E3779B97F4A7C15UL);
        foreach (var unit in text)
        {
            hash = (hash ^ unit) * 1099511628211UL;
        }

        hash ^= hash >> 32;
        hash *= 0xD6E8FEB86659FD93UL;
        return hash ^ (hash >> 32);
    }
}
