using System.Collections.Immutable;
using Kaito.Core;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;
using Kaito.Operator.Rendering;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Kaito.Operator.Workspaces;

/// <summary>What the user's <c>training_config.yaml</c> asks of the tuner, as far as the operator must know.</summary>
internal sealed record TrainingConfig
{
    private const string Path = "tuning.config";
    private const string Root = "training_config";
    private const string Mount = "/mnt";

    private static readonly ImmutableArray<string> s_sections =
        ["ModelConfig", "QuantizationConfig", "LoraConfig", "TrainingArguments", "DatasetConfig", "DataCollator"];

    public static TrainingConfig Default { get; } = new();

    /// <summary>Folder of the adapter, an absolute one below /mnt.</summary>
    public string OutputFolder { get; init; } = "/mnt/results";

    /// <summary>Every rule of upstream's admission that needs the ConfigMap.</summary>
    /// <param name="name">Of the ConfigMap; null for the method's defaults.</param>
    /// <param name="space">Of the Workspace.</param>
    /// <param name="map">The ConfigMap; null when there is none of that name.</param>
    /// <param name="method">Null where it is wrong, which is told elsewhere.</param>
    public static Validated<TrainingConfig> Parse(string? name, string? space, ConfigMap? map, TuningMethod? method)
    {
        if (name is not { Length: > 0 })
        {
            return Default;
        }

        if (map is null)
        {
            return Wrong(
                "config-not-found", $"ConfigMap \"{name}\" is not in namespace \"{space}\". Create it with the key "
                + $"{TuningJob.ConfigFile}, or remove {Path}.");
        }

        if (map.Data?.GetValueOrDefault(TuningJob.ConfigFile) is not { } text)
        {
            return Wrong("config-without-file", $"ConfigMap \"{name}\" has no key {TuningJob.ConfigFile}. Add it.");
        }

        var yaml = new YamlStream();
        try
        {
            yaml.Load(new StringReader(text));
        }
        catch (YamlException wrong)
        {
            return Wrong(
                "malformed-config",
                $"{TuningJob.ConfigFile} of ConfigMap \"{name}\" is not YAML at line {wrong.Start.Line}: {wrong.Message}");
        }

        return yaml.Documents is [{ RootNode: YamlMappingNode document }, ..] && Child(document, Root) is YamlMappingNode root
            ? new Reader(name).Read(root, method)
            : Wrong(
                "malformed-config",
                $"{TuningJob.ConfigFile} of ConfigMap \"{name}\" has no mapping {Root}. Write {Root}: and the sections below it.");
    }

    private static ImmutableArray<FieldError> Wrong(string code, string message) => [new(Path, code, message)];

    private static YamlNode? Child(YamlMappingNode parent, string key) =>
        parent.Children.FirstOrDefault(c => c.Key is YamlScalarNode { Value: { } name } && name == key).Value;

    private sealed class Reader(string name)
    {
        private readonly ImmutableArray<FieldError>.Builder _errors = ImmutableArray.CreateBuilder<FieldError>();

        public Validated<TrainingConfig> Read(YamlMappingNode root, TuningMethod? method)
        {
            foreach (var section in root.Children.Keys.Select(static k => k.ToString()).Where(s => !s_sections.Contains(s)))
            {
                Error(
                    "unknown-section",
                    $"\"{section}\" is not a section.{NearestNames.Question(NearestNames.Of(section, s_sections))} Use "
                    + $"{string.Join(", ", s_sections)}.");
            }

            CheckQuantization(Child(root, "QuantizationConfig") as YamlMappingNode ?? [], method);
            var folder = Folder(Child(root, "TrainingArguments") as YamlMappingNode ?? []);
            return _errors.Count > 0 ? _errors.ToImmutable() : new TrainingConfig { OutputFolder = folder };
        }

        private void CheckQuantization(YamlMappingNode section, TuningMethod? method)
        {
            var four = Flag(section, "load_in_4bit");
            var eight = Flag(section, "load_in_8bit");
            if (four is null || eight is null)
            {
                return;
            }

            if (four == true && eight == true)
            {
                Error("both-quantizations", "load_in_4bit and load_in_8bit are both true. Set one of them to false.");
            }

            if (method == TuningMethod.Lora && (four == true || eight == true))
            {
                Error(
                    "quantized-lora",
                    "For method lora, neither load_in_4bit nor load_in_8bit may be true. Set them to false, or use qlora.");
            }

            if (method == TuningMethod.Qlora && four == false && eight == false)
            {
                Error(
                    "unquantized-qlora",
                    "For method qlora, load_in_4bit or load_in_8bit of QuantizationConfig must be true. Set one, or use lora.");
            }
        }

        // False when absent, null when it is no boolean.
        private bool? Flag(YamlMappingNode section, string key)
        {
            switch (Child(section, key))
            {
                case null or YamlScalarNode { Value: null or "" or "~" or "null" }:
                    return false;
                case YamlScalarNode { Style: ScalarStyle.Plain, Value: { } text } when bool.TryParse(text, out var flag):
                    return flag;
                case var other:
                    Error("invalid-setting", $"QuantizationConfig.{key} is \"{other}\". Write true or false, or leave it out.");
                    return null;
            }
        }

        // Relative to /mnt, unless it is below it already.
        private string Folder(YamlMappingNode section)
        {
            var node = Child(section, "output_dir");
            if (node is null or YamlScalarNode { Value: null or "" or "~" or "null" })
            {
                return Default.OutputFolder;
            }

            var text = (node as YamlScalarNode)?.Value;
            var folder = text is null ? Mount : Cleaned(
                text == Mount || text.StartsWith(Mount + "/", StringComparison.Ordinal) ? text : $"{Mount}/{text}");
            if (!folder.StartsWith(Mount + "/", StringComparison.Ordinal) || folder.Any(char.IsControl))
            {
                Error(
                    "invalid-output-dir",
                    $"TrainingArguments.output_dir is \"{node}\". Write a folder below {Mount}, e.g. {Default.OutputFolder}.");
            }

            return folder;
        }

        // Without ".", ".." and empty parts; what climbs above the root is at the root.
        private static string Cleaned(string path)
        {
            var parts = new List<string>();
            foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
            {
                if (part == "..")
                {
                    parts.RemoveRange(Math.Max(0, parts.Count - 1), Math.Min(1, parts.Count));
                }
                else if (part != ".")
                {
                    parts.Add(part);
                }
            }

            return "/" + string.Join('/', parts);
        }

        private void Error(string code, string message) =>
            _errors.Add(new(Path, code, $"{TuningJob.ConfigFile} of ConfigMap \"{name}\": {message}"));
    }
}
