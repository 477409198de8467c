using System.Collections.Immutable;
using System.Globalization;

namespace Kaito.Operator;

/// <summary>PURE: the flags and variables of upstream's operator in this one's words, so that its command lines work.</summary>
internal static class UpstreamFlags
{
    private static readonly ImmutableDictionary<string, string> s_renamed = ImmutableDictionary<string, string>.Empty
        .Add("default-node-image-family", "node-image-family").Add("zap-log-level", "log-level").Add("v", "log-level");

    // What they are about is not part of this operator; the second list has no values.
    private static readonly ImmutableArray<string> s_withoutEffect =
    [
        "kube-client-qps", "kube-client-burst", "default-model-mirror-storage-class", "default-streaming-service-account",
        "model-mirror-download-cpu", "model-mirror-download-memory", "zap-encoder", "zap-stacktrace-level",
        "zap-time-encoding", "vmodule",
    ];

    private static readonly ImmutableArray<string> s_switchesWithoutEffect = ["zap-devel", "logtostderr", "alsologtostderr"];

    private static readonly ImmutableDictionary<string, ImmutableArray<string>> s_variables =
        ImmutableDictionary<string, ImmutableArray<string>>.Empty
            .Add("cloud", ["CLOUD_PROVIDER"])
            .Add("preset-registry", ["PRESET_REGISTRY_NAME"])
            .Add("webhook-service", ["WEBHOOK_SERVICE"])
            .Add("webhook-port", ["WEBHOOK_PORT"])
            .Add("namespace", ["SYSTEM_NAMESPACE", "RELEASE_NAMESPACE"]);

    /// <summary>The arguments in this operator's words, and the flags that were left out because they have no effect.</summary>
    public static (ImmutableArray<string> Args, ImmutableArray<string> LeftOut) Translate(IReadOnlyList<string> args)
    {
        var kept = ImmutableArray.CreateBuilder<string>(args.Count);
        var left = ImmutableArray.CreateBuilder<string>();
        for (var i = 0; i < args.Count; i++)
        {
            var name = args[i].TrimStart('-').Split('=', 2)[0];
            var hasDash = args[i].StartsWith('-');
            var hasValue = args[i].Contains('=', StringComparison.Ordinal);
            if (hasDash && s_switchesWithoutEffect.Contains(name))
            {
                left.Add($"--{name}");
            }
            else if (hasDash && s_withoutEffect.Contains(name))
            {
                left.Add($"--{name}");
                i += hasValue ? 0 : 1;
            }
            else
            {
                kept.Add(hasDash && s_renamed.TryGetValue(name, out var ours) ? $"--{ours}{args[i].TrimStart('-')[name.Length..]}" : args[i]);
            }
        }

        return (kept.ToImmutable(), left.ToImmutable());
    }

    /// <summary>The value that a variable of upstream's gives to a flag; null when none does.</summary>
    public static string? Variable(string flag, Func<string, string?> environment) =>
        s_variables.GetValueOrDefault(flag, []).Select(environment).FirstOrDefault(static v => !string.IsNullOrEmpty(v));

    /// <summary>Addresses such as <c>:8080</c>, for metrics and for probes, as one list; null when neither is given.</summary>
    /// <exception cref="FormatException">One of them is none.</exception>
    public static string? Listen(string? metrics, string? probes)
    {
        var given = new[] { Address("metrics-bind-address", metrics), Address("health-probe-bind-address", probes) }
            .OfType<string>().Distinct().ToArray();
        return given.Length == 0 ? null : string.Join(';', given);
    }

    /// <summary>From zap's words or a klog verbosity.</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static LogLevel? Level(string? text) => text?.ToLowerInvariant() switch
    {
        null => null,
        "debug" => LogLevel.Debug,
        "info" => LogLevel.Information,
        "warn" or "warning" => LogLevel.Warning,
        "error" => LogLevel.Error,
        "panic" => LogLevel.Critical,
        var number when int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var verbosity) =>
            verbosity >= 4 ? LogLevel.Debug : LogLevel.Information,
        _ => throw new FormatException($"--log-level {text} is unknown; use debug, info, warn, error or a number."),
    };

    // "0" turns the address off.
    private static string? Address(string flag, string? text)
    {
        if (text is null or "0")
        {
            return null;
        }

        var at = text.LastIndexOf(':');
        return at >= 0 && ushort.TryParse(text.AsSpan(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            ? string.Create(CultureInfo.InvariantCulture, $"http://{(at == 0 ? "*" : text[..at])}:{port}")
            : throw new FormatException($"--{flag} {text} is not an address such as :8080.");
    }
}
