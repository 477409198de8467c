using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.Core;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Kaito.InferenceHost;

/// <summary>
/// Options as they were given: on the command line in vLLM's spellings, then in an <c>inference_config.yaml</c>, which wins.
/// What only vLLM knows is a warning: manifests that were written for it must start here as well.
/// </summary>
internal sealed class HostArguments
{
    /// <summary>Stands between several values of one option.</summary>
    public const char Separator = '\n';

    private const string ConfigFile = "kaito-config-file";
    private const string Modules = "lora-modules";

    private static readonly string[] s_values =
    [
        "config", "model", "model-path", "code-revision", "revision", "download-dir",
        "kaito-benchmark-seconds", "served-model-name", "host", "port", "max-model-len", "max-num-seqs", "queue-capacity",
        "shutdown-timeout", "urls", "engine", "device", "matmul-kernel", "api-key", "allowed-origins", ConfigFile,
        "kaito-adapters-dir", "max-lora-rank", "max-cpu-loras", "speculative-config", Modules,
    ];

    // Given more than once or with several values: each counts.
    private static readonly string[] s_lists = ["api-key", Modules];

    private static readonly string[] s_switches = ["kaito-disable-rate-limit", "enable-lora"];

    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly List<string> _ignored = [];

    /// <summary>One sentence each about what has no effect here.</summary>
    public ImmutableArray<string> Warnings => _ignored.Count == 0
        ? []
        : [$"These options have no effect on this server: {string.Join(", ", _ignored.Distinct())}."];

    /// <summary>Adds what was given and has no effect here to the warning.</summary>
    public void Ignore(string option) => _ignored.Add(option);

    public string? this[string name] => _values.GetValueOrDefault(name);

    /// <param name="args">E.g. <c>--name value</c>, <c>--name=value</c> or <c>--switch</c>; <c>_</c> counts as <c>-</c>.</param>
    /// <param name="readFile">Reads a file; throws what file access throws.</param>
    /// <param name="found">Receives errors.</param>
    public static HostArguments Read(
        IReadOnlyList<string> args, Func<string, string> readFile, ImmutableArray<FieldError>.Builder found)
    {
        var read = new HostArguments();
        for (var i = 0; i < args.Count; i++)
        {
            var (name, value) = args[i].Split('=', 2) is [var left, var right] ? (left, right) : (args[i], null);
            if (!name.StartsWith("--", StringComparison.Ordinal))
            {
                found.Add(new(args[i], "unknown", $"{args[i]} is not an option; options begin with --."));
                continue;
            }

            var key = Key(name);
            if (value is null && !s_switches.Contains(key) && i + 1 < args.Count
                && !args[i + 1].StartsWith("--", StringComparison.Ordinal))
            {
                value = args[++i];
            }

            read.Take(key, value, found);
            while (key == Modules && i + 1 < args.Count && !args[i + 1].StartsWith("--", StringComparison.Ordinal))
            {
                read.Take(key, args[++i], found);
            }
        }

        if (read[ConfigFile] is { } file)
        {
            read.TakeFile(file, readFile, found);
        }

        return read;
    }

    private static string Key(string name) => name.TrimStart('-').Replace('_', '-');

    private void Take(string key, string? value, ImmutableArray<FieldError>.Builder found)
    {
        if (s_switches.Contains(key))
        {
            if (value is not ("false" or "False"))
            {
                _values[key] = "true";
            }
        }
        else if (!s_values.Contains(key))
        {
            _ignored.Add($"--{key}");
        }
        else if (string.IsNullOrEmpty(value))
        {
            found.Add(new($"--{key}", "missing", $"--{key} needs a value."));
        }
        else
        {
            _values[key] = s_lists.Contains(key) && _values.TryGetValue(key, out var before) ? before + Separator + value : value;
        }
    }

    private void TakeFile(string file, Func<string, string> readFile, ImmutableArray<FieldError>.Builder found)
    {
        try
        {
            var yaml = new YamlStream();
            using var reader = new StringReader(readFile(file));
            yaml.Load(reader);
            var root = yaml.Documents.Count == 0 ? null : yaml.Documents[0].RootNode as YamlMappingNode;
            foreach (var (name, value) in Members(root))
            {
                // The other settings of the file are about vLLM's own memory.
                if (name == "vllm")
                {
                    TakeFlags(value as YamlMappingNode, found);
                }
            }
        }
        catch (YamlException wrong)
        {
            found.Add(new(
                $"--{ConfigFile}", "malformed",
                $"{file}, line {wrong.Start.Line}: {wrong.Message} Correct the file."));
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            found.Add(new($"--{ConfigFile}", "unreadable", $"{file}: {unreadable.Message} Name an existing file."));
        }
    }

    private void TakeFlags(YamlMappingNode? flags, ImmutableArray<FieldError>.Builder found)
    {
        foreach (var (name, value) in Members(flags))
        {
            var texts = Texts(value).ToArray();
            if (texts.Length > 0)
            {
                _values.Remove(Key(name));
            }

            foreach (var text in texts)
            {
                Take(Key(name), text, found);
            }
        }
    }

    // A list counts as the option given several times; what is null counts as not given.
    private static IEnumerable<string> Texts(YamlNode value) => value switch
    {
        YamlScalarNode { Value: not (null or "" or "null" or "~") } scalar => [scalar.Value],
        YamlSequenceNode list => list.SelectMany(Texts),
        YamlMappingNode mapping => [Json(mapping)],
        _ => [],
    };

    // As on the command line, where a block of settings is a JSON object.
    private static string Json(YamlMappingNode mapping)
    {
        var json = new JsonObject();
        foreach (var (name, value) in Members(mapping))
        {
            json[name] = value is not YamlScalarNode { Value: { } text } ? null
                : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number
                : text;
        }

        return json.ToJsonString();
    }

    private static IEnumerable<(string Name, YamlNode Value)> Members(YamlMappingNode? node) =>
        node is null ? [] : node.Children.Where(static m => m.Key is YamlScalarNode { Value.Length: > 0 })
            .Select(static m => (((YamlScalarNode)m.Key).Value!, m.Value));
}
