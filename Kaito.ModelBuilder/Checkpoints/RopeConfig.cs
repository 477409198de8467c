using Kaito.ModelBuilder.Decoder;

namespace Kaito.ModelBuilder.Checkpoints;

/// <summary>
/// Reads rotary settings in either spelling: <c>rope_parameters</c> of transformers 5, or <c>rope_theta</c> with
/// <c>rope_scaling</c> (its kind under <c>rope_type</c> or <c>type</c>) of earlier versions.
/// </summary>
internal static class RopeConfig
{
    private const double DefaultTheta = 10000;

    public static Rope Parse(ConfigFields config)
    {
        var field = config.Has("rope_scaling") ? "rope_scaling" : "rope_parameters";
        var rope = config.Object(field);
        var theta = rope.Has("rope_theta")
            ? rope.PositiveNumber("rope_theta")
            : config.PositiveNumber("rope_theta", DefaultTheta);
        var rotated = rope.Number("partial_rotary_factor") ?? config.Number("partial_rotary_factor") ?? 1;
        if (rotated != 1)
        {
            throw config.Wrong("partial_rotary_factor", $"{rotated}", "only 1 is supported for this architecture");
        }

        var kind = rope.Text("rope_type") ?? rope.Text("type") ?? "default";
        return kind switch
        {
            // Up to the context it was trained for, "dynamic" does not scale, and no longer context is offered.
            "default" or "dynamic" => new DefaultRope(theta),
            "linear" => new LinearRope(theta, rope.PositiveNumber("factor")),
            "llama3" => Llama3(config, rope, theta),
            "yarn" => Yarn(config, rope, theta),
            _ => throw config.Wrong(
                $"{field}.rope_type", $"'{kind}'", "supported are default, linear, dynamic, llama3 and yarn"),
        };
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
