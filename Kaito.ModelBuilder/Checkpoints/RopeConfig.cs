using Kaito.ModelBuilder.Decoder;

namespace Kaito.ModelBuilder.Checkpoints;

/// <summary>
/// Reads rotary settings in either spelling: <c>rope_parameters</c> of transformers 5, or <c>rope_theta</c> with
/// <c>rope_scaling</c> (its kind under <c>rope_type</c> or <c>type</c>) of earlier versions.
/// </summary>
internal static class RopeConfig
{
    private const double DefaultTheta = 10000;

    /// <summary>How many of a head's numbers are rotated: the first ones.</summary>
    public static int RotatedSize(ConfigFields config, int headSize, double otherwise)
    {
        var share = Scaling(config).Number("partial_rotary_factor") ?? config.Number("partial_rotary_factor") ?? otherwise;
        return share is > 0 and <= 1
            ? (int)(headSize * share)
            : throw config.Wrong("partial_rotary_factor", $"{share}", "give a number above 0, up to 1");
    }

    /// <param name="config">The checkpoint's.</param>
    /// <param name="context">Longest sequence that is wanted; null for the one of the first training.</param>
    public static Rope Parse(ConfigFields config, int? context)
    {
        var field = config.Has("rope_scaling") ? "rope_scaling" : "rope_parameters";
        var rope = Scaling(config);
        var theta = rope.Has("rope_theta")
            ? rope.PositiveNumber("rope_theta")
            : config.PositiveNumber("rope_theta", DefaultTheta);
        var kind = rope.Text("rope_type") ?? rope.Text("type") ?? "default";
        return kind switch
        {
            // Up to the context it was trained for, "dynamic" does not scale, and no longer context is offered.
            "default" or "dynamic" => new DefaultRope(theta),
            "linear" => new LinearRope(theta, rope.PositiveNumber("factor")),
            "llama3" => Llama3(config, rope, theta),
            "longrope" or "su" => Long(config, rope, theta, context),

            // Phi-3's name for it.
            "yarn" when rope.Has("short_factor") => Long(config, rope, theta, context),
            "yarn" => Yarn(config, rope, theta),
            _ => throw config.Wrong(
                $"{field}.rope_type", $"'{kind}'", "supported are default, linear, dynamic, llama3, longrope and yarn"),
        };
    }

    /// <summary>Gemma 3's: layers with a window have a base of their own, and no scaling.</summary>
    public static Rope ParseGemma(ConfigFields config, bool windowed)
    {
        const double GlobalTheta = 1_000_000;
        var parts = config.Object("rope_parameters");
        var stated = parts.Object(windowed ? "sliding_attention" : "full_attention");
        var theta = windowed
            ? stated.PositiveNumber("rope_theta", config.PositiveNumber("rope_local_base_freq", DefaultTheta))
            : stated.PositiveNumber("rope_theta", config.PositiveNumber("rope_theta", GlobalTheta));
        var scaling = parts.Has("full_attention") ? stated : config.Object("rope_scaling");
        var kind = windowed ? "default" : scaling.Text("rope_type") ?? scaling.Text("type") ?? "default";
        return kind switch
        {
            "default" => new DefaultRope(theta),
            "linear" => new LinearRope(theta, scaling.PositiveNumber("factor")),
            _ => throw config.Wrong("rope_parameters", $"'{kind}'", "supported are default and linear for this architecture"),
        };
    }

    private static ConfigFields Scaling(ConfigFields config) =>
        config.Object(config.Has("rope_scaling") ? "rope_scaling" : "rope_parameters");

    // Which of its two lists of factors counts depends on how long a text becomes, and the cache of keys knows one of them. So
    // it is decided here, for all texts, by the longest one that is wanted.
    private static LongRope Long(ConfigFields config, ConfigFields rope, double theta, int? context)
    {
        var original = OriginalContext(config, rope);
        var factor = rope.Number("factor") ?? config.PositiveNumber("max_position_embeddings", original) / original;
        var attention = rope.Number("attention_factor")
            ?? (factor <= 1 ? 1 : Math.Sqrt(1 + (Math.Log(factor) / Math.Log(original))));
        return context > original
            ? new(theta, rope.Numbers("long_factor"), attention, int.MaxValue)
            : new(theta, rope.Numbers("short_factor"), attention, (int)original);
    }

    private static Llama3Rope Llama3(ConfigFields config, ConfigFields rope, double theta)
    {
        var (low, high) = (rope.PositiveNumber("low_freq_factor", 1), rope.PositiveNumber("high_freq_factor", 4));
        return low < high
            ? new(theta, rope.PositiveNumber("factor"), low, high, OriginalContext(config, rope))
            : throw rope.Wrong("low_freq_factor", $"{low}", $"it must be below high_freq_factor ({high})");
    }

    private static YarnRope Yarn(ConfigFields config, ConfigFields rope, double theta)
    {
        var original = OriginalContext(config, rope);
        var factor = rope.Has("factor")
            ? rope.PositiveNumber("factor")
            : config.PositiveNumber("max_position_embeddings") / original;
        return new(theta, factor, original)
        {
            BetaFast = rope.PositiveNumber("beta_fast", 32),
            BetaSlow = rope.PositiveNumber("beta_slow", 1),
            Truncate = rope.Flag("truncate", true),
            StatedAttentionFactor = rope.Number("attention_factor"),
            Mscale = rope.Number("mscale"),
            MscaleAllDim = rope.Number("mscale_all_dim"),
        };
    }

    private static double OriginalContext(ConfigFields config, ConfigFields rope) =>
        config.Number("original_max_position_embeddings")
        ?? rope.Number("original_max_position_embeddings")
        ?? config.PositiveNumber("max_position_embeddings");
}
