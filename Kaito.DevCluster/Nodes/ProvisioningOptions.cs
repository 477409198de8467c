using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Nodes;

/// <summary>What the simulated cloud does with a NodeClaim.</summary>
internal enum ProvisioningMode
{
    /// <summary>Starts the machine.</summary>
    Ok,

    /// <summary>Refuses: the subscription has no quota for the family.</summary>
    NoQuota,

    /// <summary>Refuses: the region has no machine free.</summary>
    NoCapacity,

    /// <summary>Starts it late.</summary>
    Slow,
}

/// <summary>How the simulated cloud behaves.</summary>
/// <param name="Delay">From NodeClaim to Ready node. <c>--node-delay</c>, default 0 s.</param>
/// <param name="SlowDelay">The same for mode slow. <c>--node-slow-delay</c>, default 5 min.</param>
/// <param name="Mode">For claims without the annotation. <c>--node-mode</c>, default ok.</param>
internal sealed record ProvisioningOptions(TimeSpan Delay, TimeSpan SlowDelay, ProvisioningMode Mode)
{
    /// <summary>On a NodeClaim: <c>ok</c>, <c>no-quota</c>, <c>no-capacity</c> or <c>slow</c>.</summary>
    public const string ModeAnnotation = "devcluster.kaito.sh/provisioning";

    /// <summary>On a NodeClaim: a delay such as <c>500ms</c>, <c>20s</c>, <c>2m</c>.</summary>
    public const string DelayAnnotation = "devcluster.kaito.sh/provisioning-delay";

    /// <summary>Reads the command line; a value that cannot be read is an error that names it.</summary>
    public static ProvisioningOptions Read(IConfiguration configuration) => new(
        Duration(configuration, "node-delay", TimeSpan.Zero),
        Duration(configuration, "node-slow-delay", TimeSpan.FromMinutes(5)),
        configuration["node-mode"] is { } mode
            ? ParseMode(mode) ?? throw new ArgumentException(
                $"--node-mode {mode}: unknown; use ok, no-quota, no-capacity or slow.")
            : ProvisioningMode.Ok);

    /// <summary>The behaviour for one claim: its annotations win, unreadable ones are ignored.</summary>
    public (ProvisioningMode Mode, TimeSpan Delay) For(JsonObject claim)
    {
        var mode = ParseMode(claim.Text("metadata", "annotations", ModeAnnotation)) ?? Mode;
        var delay = mode == ProvisioningMode.Slow ? SlowDelay : Delay;
        return (mode, ParseDuration(claim.Text("metadata", "annotations", DelayAnnotation)) ?? delay);
    }

    /// <summary>Reads <c>250ms</c>, <c>2s</c>, <c>1.5m</c>, <c>1h</c>; null for anything else.</summary>
    public static TimeSpan? ParseDuration(string? text)
    {
        var (suffix, unit) = text switch
        {
            null => ("", TimeSpan.Zero),
            _ when text.EndsWith("ms", StringComparison.Ordinal) => ("ms", TimeSpan.FromMilliseconds(1)),
            _ when text.EndsWith('s') => ("s", TimeSpan.FromSeconds(1)),
            _ when text.EndsWith('m') => ("m", TimeSpan.FromMinutes(1)),
            _ when text.EndsWith('h') => ("h", TimeSpan.FromHours(1)),
            _ => ("", TimeSpan.Zero),
        };
        return suffix.Length > 0
            && double.TryParse(text![..^suffix.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var n)
            && n <= 86400
                ? unit * n
                : text == "0" ? TimeSpan.Zero : null;
    }

    /// <summary>A duration of the configuration, or its default.</summary>
    public static TimeSpan Duration(IConfiguration configuration, string key, TimeSpan byDefault) =>
        configuration[key] is { } text
            ? ParseDuration(text) ?? throw new ArgumentException(
                $"--{key} {text}: not a duration; write a number with ms, s, m or h, such as 20s.")
            : byDefault;

    private static ProvisioningMode? ParseMode(string? text) => text switch
    {
        "ok" => ProvisioningMode.Ok,
        "no-quota" => ProvisioningMode.NoQuota,
        "no-capacity" => ProvisioningMode.NoCapacity,
        "slow" => ProvisioningMode.Slow,
        _ => null,
    };
}
