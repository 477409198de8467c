namespace Kaito.ModelBuilder.Decoder;

/// <summary>Rotary position embedding: how angles grow with the position, and by what the cosines are scaled.</summary>
internal abstract record Rope(double Theta)
{
    /// <summary>Factor on every cosine and sine.</summary>
    public virtual double AttentionFactor => 1;

    /// <summary>Longest sequence that it is right for.</summary>
    public virtual int MostPositions => int.MaxValue;

    /// <summary>Radians per position of each of the <paramref name="size"/>/2 rotated pairs.</summary>
    public double[] Frequencies(int size)
    {
        var frequencies = new double[size / 2];
        for (var i = 0; i < frequencies.Length; i++)
        {
            frequencies[i] = Scale(Math.Pow(Theta, -2.0 * i / size), i, size);
        }

        return frequencies;
    }

    /// <summary>Cosine and sine caches, each [<paramref name="context"/>, <paramref name="size"/>/2].</summary>
    public (float[] Cosines, float[] Sines) Caches(int context, int size)
    {
        var frequencies = Frequencies(size);
        var cosines = new float[context * frequencies.Length];
        var sines = new float[cosines.Length];
        for (var position = 0; position < context; position++)
        {
            for (var i = 0; i < frequencies.Length; i++)
            {
                var (sine, cosine) = Math.SinCos(position * frequencies[i]);
                cosines[(position * frequencies.Length) + i] = (float)(cosine * AttentionFactor);
                sines[(position * frequencies.Length) + i] = (float)(sine * AttentionFactor);
            }
        }

        return (cosines, sines);
    }

    /// <param name="frequency">The unscaled frequency θ^(−2i/size).</param>
    /// <param name="pair">The pair's index i.</param>
    /// <param name="size">Rotated width of a head.</param>
    protected abstract double Scale(double frequency, int pair, int size);
}

/// <summary>The original, unscaled.</summary>
internal sealed record DefaultRope(double Theta) : Rope(Theta)
{
    protected override double Scale(double frequency, int pair, int size) => frequency;
}

/// <summary>All positions are divided by a factor.</summary>
internal sealed record LinearRope(double Theta, double Factor) : Rope(Theta)
{
    protected override double Scale(double frequency, int pair, int size) => frequency / Factor;
}

/// <summary>Llama 3.1: long wavelengths are divided, short ones kept, those between blended.</summary>
internal sealed record Llama3Rope(double Theta, double Factor, double Low, double High, double OriginalContext)
    : Rope(Theta)
{
    protected override double Scale(double frequency, int pair, int size)
    {
        var turns = OriginalContext * frequency / (2 * Math.PI);
        if (turns > High)
        {
            return frequency;
        }

        if (turns < Low)
        {
            return frequency / Factor;
        }

        var kept = (turns - Low) / (High - Low);
        return ((1 - kept) * frequency / Factor) + (kept * frequency);
    }
}

/// <summary>YaRN: interpolation by parts, with a temperature on the attention.</summary>
/// <seealso href="https://arxiv.org/abs/2309.00071">Peng et al., 2023.</seealso>
internal sealed record YarnRope(double Theta, double Factor, double OriginalContext) : Rope(Theta)
{
    public double BetaFast { get; init; } = 32;

    public double BetaSlow { get; init; } = 1;

    /// <summary>Round the ends of the ramp to whole pairs.</summary>
    public bool Truncate { get; init; } = true;

    /// <summary>The checkpoint's own attention factor, if it states one.</summary>
    public double? StatedAttentionFactor { get; init; }

    public double? Mscale { get; init; }

    public double? MscaleAllDim { get; init; }

    public override double AttentionFactor => StatedAttentionFactor
        ?? (Mscale is { } some and not 0 && MscaleAllDim is { } all and not 0
            ? Temperature(some) / Temperature(all)
            : Temperature(1));

    protected override double Scale(double frequency, int pair, int size)
    {
        var low = PairThatTurns(BetaFast, size);
        var high = PairThatTurns(BetaSlow, size);
        if (Truncate)
        {
            (low, high) = (Math.Floor(low), Math.Ceiling(high));
        }

        (low, high) = (Math.Max(low, 0), Math.Min(high, size - 1));
        if (low == high)
        {
            high += 0.001;
        }

        var divided = Math.Clamp((pair - low) / (high - low), 0, 1);
        return (frequency / Factor * divided) + (frequency * (1 - divided));
    }

    private double PairThatTurns(double turns, int size) =>
        size * Math.Log(OriginalContext / (turns * 2 * Math.PI)) / (2 * Math.Log(Theta));

    private double Temperature(double mscale) => Factor <= 1 ? 1 : (0.1 * mscale * Math.Log(Factor)) + 1;
}

/// <summary>LongRoPE: each pair has a divisor of its own.</summary>
/// <param name="Theta">Base of the frequencies.</param>
/// <param name="Divisors">One per rotated pair.</param>
/// <param name="Attention">See <see cref="Rope.AttentionFactor"/>.</param>
/// <param name="Context">See <see cref="Rope.MostPositions"/>.</param>
/// <seealso href="https://arxiv.org/abs/2402.13753">Ding et al., 2024.</seealso>
internal sealed record LongRope(double Theta, IReadOnlyList<double> Divisors, double Attention, int Context) : Rope(Theta)
{
    public override double AttentionFactor => Attention;

    public override int MostPositions => Context;

    protected override double Scale(double frequency, int pair, int size) => Divisors.Count == size / 2
        ? frequency / Divisors[pair]
        : throw new ModelBuildException(
            $"config.json: a list of factors has {Divisors.Count} numbers, and {size / 2} pairs are rotated. Use the checkpoint's own.");
}
