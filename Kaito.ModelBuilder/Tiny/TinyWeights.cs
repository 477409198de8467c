using Kaito.ModelBuilder.Decoder;

namespace Kaito.ModelBuilder.Tiny;

/// <summary>
/// Weights of a model that was never trained yet speaks in words: the head scores a token by the tokens it was seen to
/// follow, and random attention and feed-forward layers choose among the candidates. So the reply depends on every
/// token of the prompt (an engine that mixes up its KV cache says something else), the best token wins by a clear
/// margin, and replies end.
/// </summary>
internal sealed class TinyWeights : IDecoderWeights
{
    // Row norms of the head, in logits: what following a known token weighs against the free random direction.
    private const float Followed = 3f;
    private const float Free = 1.2f;

    // Favours ending at a full stop over one more sentence, or replies would wander on for hundreds of words.
    private const float EndFavour = 1.1f;

    // How much of the residual each layer's two halves add.
    private const float LayerGain = 0.4f;

    private readonly DecoderShape _shape;
    private readonly float[] _embedding;
    private readonly float[] _head;

    public TinyWeights(DecoderShape shape, TinyTokenizer tokenizer)
    {
        _shape = shape;
        var follows = Follows(tokenizer);
        _embedding = Embedding(shape, [.. follows.Select(pair => pair.Before).Distinct()]);
        _head = Head(shape, _embedding, follows, tokenizer.MessageEnd);
    }

    public float[] Read(string name, params ReadOnlySpan<int> shape)
    {
        if (name == "model.embed_tokens.weight")
        {
            return _embedding;
        }

        if (name == "lm_head.weight")
        {
            return _head;
        }

        return shape.Length == 1
            ? [.. Enumerable.Repeat(1f, shape[0])]
            : Random(name, shape[0] * shape[1], DeviationOf(name, shape[1]));
    }

    private static double DeviationOf(string name, int width)
    {
        var entersResidual = name.Contains("o_proj", StringComparison.Ordinal)
            || name.Contains("down_proj", StringComparison.Ordinal);
        return (entersResidual ? LayerGain : 1.5) / Math.Sqrt(width);
    }

    // In order of first occurrence, so that the basis below is the same every time.
    private static List<(int Before, int After)> Follows(TinyTokenizer tokenizer)
    {
        var follows = new List<(int, int)> { (tokenizer.MessageEnd, tokenizer.EndOfText) };
        foreach (var reply in tokenizer.Replies)
        {
            follows.AddRange(new[] { tokenizer.LineFeed }.Concat(reply).Zip(reply.Append(tokenizer.MessageEnd)));
        }

        return [.. follows.Distinct()];
    }

    // Tokens that something follows get orthogonal rows (as far as there are dimensions), the others random ones.
    private static float[] Embedding(DecoderShape shape, IReadOnlyList<int> spoken)
    {
        var width = shape.Hidden;
        var rows = Random("model.embed_tokens.weight", shape.Vocabulary * width, 1);
        for (var i = 0; i < spoken.Count; i++)
        {
            var row = rows.AsSpan(spoken[i] * width, width);
            foreach (var earlier in i < width ? spoken.Take(i) : [])
            {
                Subtract(row, rows.AsSpan(earlier * width, width));
            }

            Resize(row, Math.Sqrt(width));
        }

        return rows;
    }

    private static float[] Head(
        DecoderShape shape, float[] embedding, IReadOnlyList<(int Before, int After)> follows, int end)
    {
        var width = shape.Hidden;
        var spoken = follows.Select(pair => pair.After).ToHashSet();
        var rows = Random("lm_head.weight", shape.Vocabulary * width, Free / Math.Sqrt(width));
        for (var token = 0; token < shape.Vocabulary; token++)
        {
            if (!spoken.Contains(token))
            {
                // Never said in a reply, so never likely.
                rows.AsSpan(token * width, width).Clear();
            }
        }

        foreach (var (before, after) in follows)
        {
            var weight = (float)(Followed / Math.Sqrt(width)) * (after == end ? EndFavour : 1);
            for (var i = 0; i < width; i++)
            {
                rows[(after * width) + i] += weight * embedding[(before * width) + i];
            }
        }

        return rows;
    }

    private static void Subtract(Span<float> row, ReadOnlySpan<float> direction)
    {
        var (along, square) = (0.0, 0.0);
        for (var i = 0; i < row.Length; i++)
        {
            along += (double)row[i] * direction[i];
            square += (double)direction[i] * direction[i];
        }

        for (var i = 0; i < row.Length; i++)
        {
            row[i] = (float)(row[i] - (along / square * direction[i]));
        }
    }

    private static void Resize(Span<float> row, double length)
    {
        var square = 0.0;
        foreach (var value in row)
        {
            square += (double)value * value;
        }

        var factor = length / Math.Sqrt(square);
        for (var i = 0; i < row.Length; i++)
        {
            row[i] = (float)(row[i] * factor);
        }
    }

    private static float[] Random(string name, int count, double deviation)
    {
        var numbers = new SeededNumbers(name);
        var values = new float[count];
        for (var i = 0; i < count; i++)
        {
            values[i] = (float)(numbers.NextNormal() * deviation);
        }

        return values;
    }
}
