using System.Numerics.Tensors;

namespace Kaito.Embeddings;

/// <summary>From the vectors of tokens to the one that stands for a text.</summary>
public static class Vectors
{
    /// <param name="tokens">Row-major, shape [tokens, width]; padding is left out.</param>
    /// <param name="width">Numbers per token.</param>
    /// <param name="pooling">How to make one of them.</param>
    public static float[] Pool(ReadOnlySpan<float> tokens, int width, Pooling pooling)
    {
        var vector = tokens[..width].ToArray();
        if (pooling == Pooling.FirstToken)
        {
            return vector;
        }

        for (var at = width; at < tokens.Length; at += width)
        {
            var token = tokens.Slice(at, width);
            if (pooling == Pooling.Mean)
            {
                TensorPrimitives.Add(vector, token, vector);
            }
            else
            {
                TensorPrimitives.Max(vector, token, vector);
            }
        }

        if (pooling == Pooling.Mean)
        {
            TensorPrimitives.Divide(vector, tokens.Length / width, vector);
        }

        return vector;
    }

    /// <summary>Cuts a vector and then gives it length 1.</summary>
    /// <param name="vector">Of the model.</param>
    /// <param name="width">Numbers to keep; at most its own.</param>
    /// <param name="normalize">Whether to scale it; a vector of zeros stays as it is.</param>
    public static float[] Shape(float[] vector, int width, bool normalize)
    {
        var kept = vector.AsSpan(0, width).ToArray();
        var norm = TensorPrimitives.Norm<float>(kept);
        if (normalize && norm > 0)
        {
            TensorPrimitives.Divide(kept, norm, kept);
        }

        return kept;
    }
}
