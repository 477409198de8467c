using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Kaito.Operator.Workspaces;

/// <summary>What the user's <c>inference_config.yaml</c> asks of the engine; null where it asks for nothing.</summary>
internal sealed record EngineConfig
{
    /// <summary>The key of the user's ConfigMap.</summary>
    public const string File = "inference_config.yaml";

    private const string Path = "inference.config";
    private const string Length = "max-model-len";
    private const string Sequences = "max-num-seqs";
    private const string Queue = "queue-capacity";

    public static EngineConfig None { get; } = new();

    /// <summary>Upper bound on prompt plus output, in tokens.</summary>
    public int? MaxModelLength { get; init; }

    /// <summary>Sequences decoded together.</summary>
    public int? MaxSequences { get; init; }

    /// <summary>Requests that may wait.</summary>
    public int? QueueCapacity { get; init; }

    /// <summary>How long the model is measured at its start; <see langword="null"/> not at all.</summary>
    public int? BenchmarkSeconds { get; init; }

    /// <summary>Sentences about settings that have no effect.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];

    /// <summary>
    /// Reads the blocks <c>vllm:</c> (upstream's name; it counts for every runtime) and <c>onnx:</c>, which wins.
    /// Example:
    /// <c>vllm: { max-model-len: 8192 }</c>.
    /// </summary>
    /// <param name="resource">The Workspace that names the ConfigMap, or none.</param>
    /// <param name="map">The ConfigMap; null when there is none of that name.</param>
    /// <param name="runtime">What reads the settings: vLLM knows more of them than we, and checks them itself.</param>
    public static Validated<EngineConfig> Parse(
        WorkspaceResource resource, ConfigMap? map, InferenceRuntime runtime = InferenceRuntime.Onnx)
    {
        if (resource.Inference?.Config is not { Length: > 0 } name)
        {
            return None;
        }

        if (map is null)
        {
            return Wrong(
                "config-not-found", $"ConfigMap \"{name}\" is not in namespace \"{resource.Metadata.Namespace}\". "
                + $"Create it with the key {File}, or remove {Path}.");
        }

        return map.Data?.GetValueOrDefault(File) is { } text
            ? Parse(name, text, runtime)
            : Wrong("config-without-file", $"ConfigMap \"{name}\" has no key {File}. Add it.");
    }

    private static Validated<EngineConfig> Parse(string name, string text, InferenceRuntime runtime)
    {
        var yaml = new YamlStream();
        try
        {
            yaml.Load(new StringReader(text));
        }
        catch (YamlException wrong)
        {
            return Wrong(
                "malformed-config", $"{File} of ConfigMap \"{name}\" is not YAML at line "
                + $"{wrong.Start.Line}: {wrong.Message}");
        }

        return (yaml.Documents.Count == 0 ? new YamlMappingNode() : yaml.Documents[0].RootNode) is YamlMappingNode root
            ? new Reader(name).Read(root, runtime)
            : Wrong(
                "malformed-config", $"{File} of ConfigMap \"{name}\" is not a mapping. Write e.g. vllm: and below it "
                + $"{Length}: 8192.");
    }

    private static ImmutableArray<FieldError> Wrong(string code, string message) => [new(Path, code, message)];

    private sealed class Reader(string name)
    {
        private static readonly ImmutableArray<string> s_blocks = ["vllm", "onnx"];

        private readonly ImmutableArray<FieldError>.Builder _errors = ImmutableArray.CreateBuilder<FieldError>();
        private readonly List<string> _unused = [];

        public Validated<EngineConfig> Read(YamlMappingNode root, InferenceRuntime runtime)
        {
            var forVllm = runtime != InferenceRuntime.Onnx;
            var settings = new SortedDictionary<string, (string Where, YamlNode Value)>(StringComparer.Ordinal);
            foreach (var block in forVllm ? s_blocks[..1] : s_blocks)
            {
                var node = root.Children.FirstOrDefault(
                    c => c.Key is YamlScalarNode { Value: { } name } && name == block);
                foreach (var (key, value) in Block(block, node.Value))
                {
                    settings[key] = ($"{block}.{key}", value);
                }
            }

            var length = Whole(settings, Length, 2, int.MaxValue);
            if (forVllm)
            {
                return _errors.Count > 0 ? _errors.ToImmutable() : new EngineConfig { MaxModelLength = length };
            }

            var config = new EngineConfig
            {
                MaxModelLength = length,
                MaxSequences = Whole(settings, Sequences, 1, 256),
                QueueCapacity = Whole(settings, Queue, 1, 4096),
            };
            _unused.AddRange(settings.Values.Select(static s => s.Where));
            return _errors.Count > 0 ? _errors.ToImmutable() : config with { Warnings = [.. Unused()] };
        }

        private IEnumerable<(string Key, YamlNode Value)> Block(string block, YamlNode? node)
        {
            if (node is null or YamlScalarNode { Value: null or "" or "~" or "null" })
            {
                return [];
            }

            if (node is YamlMappingNode map)
            {
                return map.Children.Select(static c => (c.Key.ToString(), c.Value));
            }

            Error(block, node, $"a mapping, e.g. {Length}: 8192 below it");
            return [];
        }

        private int? Whole(
            SortedDictionary<string, (string Where, YamlNode Value)> settings, string key, int least, int most)
        {
            if (!settings.Remove(key, out var setting)
                || setting.Value is YamlScalarNode { Value: null or "" or "auto" })
            {
                return null;
            }

            if (setting.Value is YamlScalarNode { Value: { } text }
                && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && number >= least && number <= most)
            {
                return number;
            }

            Error(setting.Where, setting.Value, $"a whole number from {least} to {most}, or leave it out");
            return null;
        }

        private void Error(string where, YamlNode value, string remedy) => _errors.Add(new(
            Path, "invalid-setting", $"{where} of {File} in ConfigMap \"{name}\" is \"{value}\". Write {remedy}."));

        private IEnumerable<string> Unused() => _unused.Count == 0
            ? []
            : [$"{Path}: {string.Join(", ", _unused.Order(StringComparer.Ordinal))} of {File} has no effect "
                + "with runtime onnx."];
    }
}
