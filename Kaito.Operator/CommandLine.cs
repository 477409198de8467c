using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core.Hardware;
using Kaito.Operator.Nodes;

namespace Kaito.Operator;

/// <summary>PURE: flags and their environment variables.</summary>
internal static class CommandLine
{
    private const string Prefix = "KAITO_OPERATOR_";
    private const string NoHub = "none";

    private static readonly ImmutableArray<string> s_values =
    [
        "kubeconfig", "listen", "namespace", "image-registry", "image-tag", "cloud", "node-image-family",
        "start-timeout", "preset-registry", "feature-gates", "node-provisioner", "karpenter-node-class-group",
        "karpenter-node-class-kind", "karpenter-node-class-version", "karpenter-node-class-resource-name",
        "karpenter-node-classes", "webhook-port", "webhook-host", "webhook-service",
        "model-hub", "metrics-bind-address", "health-probe-bind-address", "log-level",
    ];

    private static readonly ImmutableArray<string> s_switches = ["install-crds", "leader-elect", "webhook", "pod-metrics-through-server"];

    /// <summary>
    /// Reads e.g. <c>--kubeconfig FILE --install-crds</c>; a flag wins over its variable, e.g.
    /// <c>KAITO_OPERATOR_IMAGE_TAG</c> for <c>--image-tag</c>.
    /// </summary>
    /// <exception cref="FormatException">A flag is unknown or its value is; the message is for the user.</exception>
    public static OperatorOptions Parse(IReadOnlyList<string> args, Func<string, string?> environment)
    {
        (var known, var leftOut) = UpstreamFlags.Translate(args);
        return Read(known, environment) is var options && leftOut.IsEmpty
            ? options
            : options with { WithoutEffect = string.Join(", ", leftOut.Append(options.WithoutEffect).OfType<string>()) };
    }

    private static OperatorOptions Read(ImmutableArray<string> args, Func<string, string?> environment)
    {
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < args.Length; i++)
        {
            var (flag, value) = Split(args[i]);
            if (s_switches.Contains(flag))
            {
                // Both `--install-crds` and `--install-crds true` are in use.
                given[flag] = value ?? (i + 1 < args.Length && args[i + 1] is ("true" or "false") ? args[++i] : "true");
            }
            else if (s_values.Contains(flag))
            {
                given[flag] = value ?? (++i < args.Length
                    ? args[i]
                    : throw new FormatException($"--{flag} needs a value, e.g. --{flag} VALUE."));
            }
            else
            {
                throw new FormatException($"{args[i]} is unknown; the flags are {All()}.");
            }
        }

        return Options(flag => given.GetValueOrDefault(flag) ?? Variable(flag, environment)) with
        {
            ModelHubToken = NullIfEmpty(environment("HF_TOKEN")) is { } token ? new(token.Trim()) : null,
        };
    }

    // Besides our own, the names that Hugging Face's programs read.
    private static string? Variable(string flag, Func<string, string?> environment) =>
        NullIfEmpty(environment(Prefix + flag.ToUpperInvariant().Replace('-', '_')))
        ?? UpstreamFlags.Variable(flag, environment)
        ?? (flag != "model-hub" ? null
            : environment("HF_HUB_OFFLINE")?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE" ? NoHub
            : NullIfEmpty(environment("HF_ENDPOINT")));

    private static OperatorOptions Options(Func<string, string?> value)
    {
        var defaults = new OperatorOptions();
        var cloud = value("cloud") ?? defaults.Cloud;
        if (!SkuCatalog.TryForCloud(cloud, out _))
        {
            throw new FormatException(
                $"--cloud {cloud} is unknown; use one of {string.Join(", ", SkuCatalog.Clouds)}.");
        }

        var gates = FeatureGates.Parse(value("feature-gates"));
        var provisioner = Provisioner(value("node-provisioner"), gates);
        return new()
        {
            Kubeconfig = value("kubeconfig"),
            Listen = Addresses(value("listen")
                ?? UpstreamFlags.Listen(value("metrics-bind-address"), value("health-probe-bind-address"))),
            LogLevel = UpstreamFlags.Level(value("log-level")),
            WithoutEffect = gates.WithoutEffect,
            StartTimeout = Seconds("start-timeout", value("start-timeout"), defaults.StartTimeout),
            Namespace = value("namespace") ?? defaults.Namespace,
            InstallCrds = Switch("install-crds"),
            LeaderElect = Switch("leader-elect"),
            ImageRegistry = (value("image-registry") ?? defaults.ImageRegistry).TrimEnd('/'),
            ImageTag = value("image-tag") ?? defaults.ImageTag,
            PresetRegistry = (value("preset-registry") ?? defaults.PresetRegistry).TrimEnd('/'),
            Cloud = cloud,
            NodeImageFamily = Family(value("node-image-family") ?? defaults.NodeImageFamily),
            Gates = gates,
            NodeProvisioner = provisioner,
            Karpenter = provisioner == NodeProvisioner.Karpenter ? Karpenter(value) : defaults.Karpenter,
            Webhook = Switch("webhook"),
            WebhookPort = Port("webhook-port", value("webhook-port"), defaults.WebhookPort),
            WebhookHost = Host("webhook-host", value("webhook-host")),
            WebhookService = value("webhook-service") ?? defaults.WebhookService,
            ModelHub = Hub(value("model-hub"), defaults.ModelHub),
            PodMetricsThroughServer = Switch("pod-metrics-through-server"),
        };

        bool Switch(string flag) => value(flag) switch
        {
            null or "false" => false,
            "true" => true,
            var other => throw new FormatException($"--{flag}={other} is neither true nor false."),
        };
    }

    // The gate is older than the flag and says the same: told different things, one of them would be a surprise.
    private static NodeProvisioner Provisioner(string? text, FeatureGates gates)
    {
        var named = Named(text);
        return (named, gates.ExistingNodesOnly) switch
        {
            (NodeProvisioner.Existing, false) or (not null and not NodeProvisioner.Existing, true) =>
                throw new FormatException(
                    $"--node-provisioner {text} and --feature-gates disableNodeAutoProvisioning="
                    + $"{(gates.ExistingNodesOnly == true ? "true" : "false")} contradict each other; remove the gate."),
            (null, true) => NodeProvisioner.Existing,
            _ => named ?? NodeProvisioner.AzureGpuProvisioner,
        };
    }

    private static NodeProvisioner? Named(string? provisioner) => provisioner switch
    {
        null => null,
        "azure-gpu-provisioner" => NodeProvisioner.AzureGpuProvisioner,
        "machine" => NodeProvisioner.Machine,
        "karpenter" => NodeProvisioner.Karpenter,
        "byo" => NodeProvisioner.Existing,
        _ => throw new FormatException(
            $"--node-provisioner {provisioner} is unknown; use azure-gpu-provisioner, machine, karpenter or byo."),
    };

    private static KarpenterOptions Karpenter(Func<string, string?> value)
    {
        var defaults = new KarpenterOptions();
        return new()
        {
            Group = value("karpenter-node-class-group") ?? defaults.Group,
            Kind = value("karpenter-node-class-kind") ?? defaults.Kind,
            Version = value("karpenter-node-class-version") ?? defaults.Version,
            ResourceName = value("karpenter-node-class-resource-name") ?? defaults.ResourceName,
            Classes = KarpenterOptions.ParseClasses(value("karpenter-node-classes") ?? throw new FormatException(
                "--node-provisioner karpenter needs --karpenter-node-classes, e.g. "
                + "'[{\"name\":\"gpu\",\"default\":true,\"spec\":{}}]'.")),
        };
    }

    private static string? Addresses(string? text)
    {
        foreach (var address in text?.Split(';') ?? [])
        {
            // A star or plus stands for every address of the machine.
            var host = address.Replace("//*", "//any", StringComparison.Ordinal)
                .Replace("//+", "//any", StringComparison.Ordinal);
            if (!Uri.TryCreate(host, UriKind.Absolute, out var parsed)
                || parsed is not { Scheme: "http", PathAndQuery: "/" })
            {
                throw new FormatException(
                    $"--listen {text}: \"{address}\" is not an address such as http://127.0.0.1:8080.");
            }
        }

        return text;
    }

    private static TimeSpan Seconds(string flag, string? text, TimeSpan byDefault) => text is null
        ? byDefault
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            && seconds is > 0 and <= 3600
            ? TimeSpan.FromSeconds(seconds)
            : throw new FormatException($"--{flag} {text} is not a whole number of seconds from 1 to 3600.");

    private static int Port(string flag, string? text, int byDefault) => text is null
        ? byDefault
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port <= 65535
            ? port
            : throw new FormatException($"--{flag} {text} is not a port from 0 to 65535.");

    private static string? Host(string flag, string? text) =>
        text is null || Uri.CheckHostName(text) != UriHostNameType.Unknown
            ? text
            : throw new FormatException($"--{flag} {text} is neither a host name nor an address, e.g. 127.0.0.1.");

    private static string Family(string family) => family is "ubuntu" or "azurelinux"
        ? family
        : throw new FormatException($"--node-image-family {family} is unknown; use ubuntu or azurelinux.");

    private static Uri? Hub(string? text, Uri? byDefault) => text switch
    {
        null => byDefault,
        NoHub => null,
        _ => Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out var hub) && hub.Scheme is "http" or "https"
            && hub is { Query: "", Fragment: "", UserInfo: "" }
            ? hub
            : throw new FormatException(
                $"--model-hub {text} is not an address such as https://huggingface.co; use {NoHub} to look nothing up."),
    };

    private static (string Flag, string? Value) Split(string arg)
    {
        var text = arg.StartsWith("--", StringComparison.Ordinal) ? arg[2..] : "";
        var at = text.IndexOf('=', StringComparison.Ordinal);
        return at < 0 ? (text, null) : (text[..at], text[(at + 1)..]);
    }

    private static string All() => string.Join(", ", s_values.Concat(s_switches).Select(static f => $"--{f}"));

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
