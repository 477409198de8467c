namespace Kaito.InferenceHost.Generation;

/// <summary>Narrows candidate lists by partitioning, in expected linear time; nothing is sorted in full.</summary>
internal static class Candidates
{
    /// <summary>Moves the <paramref name="limit"/> heaviest candidates to the front.</summary>
    /// <param name="weights">Shape [candidates], at least one; reordered together with <paramref name="ids"/>.</param>
    /// <param name="ids">At least as long as <paramref name="weights"/>.</param>
    /// <param name="limit">At least 1.</param>
    /// <returns>How many are kept.</returns>
    public static int KeepCount(Span<float> weights, Span<int> ids, int limit)
    {
        if (limit >= weights.Length)
        {
            return weights.Length;
        }

        var (low, high) = (0, weights.Length);
        while (high - low > 1)
        {
            var (heavier, notLighter) = Partition(weights, ids, low, high);
            if (limit <= heavier)
            {
                high = heavier;
            }
            else if (limit <= notLighter)
            {
                break;
            }
            else
            {
                low = notLighter;
            }
        }

        return limit;
    }

    /// <summary>Moves the smallest set of heaviest candidates that holds the share of the mass to the front.</summary>
    /// <param name="weights">Shape [candidates], at least one; reordered together with <paramref name="ids"/>.</param>
    /// <param name="ids">At least as long as <paramref name="weights"/>.</param>
    /// <param name="share">Above 0 to 1.</param>
    /// <returns>How many are kept, at least 1.</returns>
    public static int KeepMass(Span<float> weights, Span<int> ids, float share)
    {
        var missing = Sum(weights) * share;
        var (low, high) = (0, weights.Length);
        while (high - low > 1)
        {
            var (heavier, notLighter) = Partition(weights, ids, low, high);
            var above = Sum(weights[low..heavier]);
            var equal = Sum(weights[heavier..notLighter]);
            if (missing <= above && heavier > low)
            {
                high = heavier;
            }
            else if (missing <= above + equal)
            {
                var needed = (int)Math.Ceiling((missing - above) / weights[heavier]);
                return int.Clamp(heavier + needed, 1, notLighter);
            }
            else
            {
                (missing, low) = (missing - above - equal, notLighter);
            }
        }

        return int.Min(low + 1, weights.Length);
    }

    private static double Sum(ReadOnlySpan<float> weights)
    {
        var sum = 0.0;
        foreach (var weight in weights)
        {
            sum += weight;
        }

        return sum;
    }

    // Three ways around the middle one: [low, heavier) > pivot, [heavier, notLighter) = pivot, rest below.
    private static (int Heavier, int NotLighter) Partition(Span<float> weights, Span<int> ids, int low, int high)
    {
        var pivot = Median(weights[low], weights[(low + high) >>> 1], weights[high - 1]);
        var (front, at, back) = (low, low, high);
        while (at < back)
        {
            if (weights[at] > pivot)
            {
                Swap(weights, ids, front++, at++);
            }
            else if (weights[at] < pivot)
            {
                Swap(weights, ids, at, --back);
            }
            else
            {
                at++;
            }
        }

        return (front, back);
    }

    private static float Median(float a, float b, float c) =>
        float.Max(float.Min(a, b), float.Min(float.Max(a, b), c));

    private static void Swap(Span<float> weights, Span<int> ids, int a, int b)
    {
        (weights[a], weights[b]) = (weights[b], weights[a]);
        (ids[a], ids[b]) = (ids[b], ids[a]);
    }
}
