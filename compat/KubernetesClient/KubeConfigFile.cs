using System.Text;
using k8s.Exceptions;
using k8s.KubeConfigModels;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace k8s;

/// <summary>One kubeconfig file, as written.</summary>
internal sealed class KubeConfigFile
{
    private readonly string _path;
    private readonly string? _folder;
    private readonly YamlMappingNode _root;

    private KubeConfigFile(string path, string? folder, YamlMappingNode root) =>
        (_path, _folder, _root) = (path, folder, root);

    public string? CurrentContext => KubeConfigEntry.Scalar(_root, "current-context");

    public static KubeConfigFile Load(string path, bool useRelativePaths)
    {
        try
        {
            using var reader = File.OpenText(path);
            var yaml = new YamlStream();
            yaml.Load(reader);
            var root = yaml.Documents.Count > 0 ? yaml.Documents[0].RootNode as YamlMappingNode : null;
            return new(path, useRelativePaths ? Path.GetDirectoryName(Path.GetFullPath(path)) : null, root
                ?? throw new KubeConfigException($"The kubeconfig '{path}' is empty or not a mapping."));
        }
        catch (YamlException wrong)
        {
            throw new KubeConfigException(
                $"The kubeconfig '{path}' is not valid YAML at line {wrong.Start.Line}: {wrong.Message}", wrong);
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            throw new KubeConfigException($"The kubeconfig '{path}' cannot be read: {wrong.Message}", wrong);
        }
    }

    public IEnumerable<string> Names(string list) =>
        Entries(list).Select(e => KubeConfigEntry.Scalar(e, "name")).OfType<string>();

    public KubeConfigEntry? Find(string list, string member, string name)
    {
        var found = Entries(list).FirstOrDefault(e => KubeConfigEntry.Scalar(e, "name") == name);
        return found is null
            ? null
            : new($"{char.ToUpperInvariant(member[0])}{member[1..]} '{name}' of the kubeconfig '{_path}'", _folder,
                KubeConfigEntry.Child(found, member) as YamlMappingNode ?? []);
    }

    private IEnumerable<YamlMappingNode> Entries(string list) =>
        KubeConfigEntry.Child(_root, list) is YamlSequenceNode entries ? entries.OfType<YamlMappingNode>() : [];
}

/// <summary>One named cluster, context or user.</summary>
internal sealed class KubeConfigEntry(string title, string? folder, YamlMappingNode node)
{
    public override string ToString() => title;

    public bool Has(string key) => Child(node, key) is not null;

    public string? Text(string key) => Scalar(node, key);

    /// <summary>The full path of a file that must exist; <see langword="null"/> when the key is absent.</summary>
    public string? Existing(string key)
    {
        if (Text(key) is not { Length: > 0 } written)
        {
            return null;
        }

        var path = folder is null ? written : Path.Combine(folder, written);
        return File.Exists(path)
            ? path
            : throw new KubeConfigException($"{title} names the {key} file '{path}', which does not exist.");
    }

    public string Decode(string key, string text)
    {
        try
        {
            return Encoding.UTF8.GetString(Convert.FromBase64String(text));
        }
        catch (FormatException wrong)
        {
            throw new KubeConfigException($"{title} has a {key} that is not base64.", wrong);
        }
    }

    public ExternalExecution? Execution()
    {
        if (Child(node, "exec") is not YamlMappingNode exec)
        {
            return null;
        }

        var execution = new ExternalExecution
        {
            ApiVersion = Scalar(exec, "apiVersion"),
            Command = Scalar(exec, "command") ?? throw new KubeConfigException(
                $"{title} has an exec without a command."),
        };
        foreach (var argument in (Child(exec, "args") as YamlSequenceNode ?? []).OfType<YamlScalarNode>())
        {
            execution.Arguments.Add(argument.Value ?? "");
        }

        foreach (var variable in (Child(exec, "env") as YamlSequenceNode ?? []).OfType<YamlMappingNode>())
        {
            execution.EnvironmentVariables.Add(new()
            {
                ["name"] = Scalar(variable, "name") ?? "",
                ["value"] = Scalar(variable, "value") ?? "",
            });
        }

        return execution;
    }

    internal static YamlNode? Child(YamlMappingNode node, string key)
    {
        foreach (var (name, value) in node.Children)
        {
            if (name is YamlScalarNode scalar && scalar.Value == key)
            {
                return value is YamlScalarNode { Value: "null" or "~" or "", Style: ScalarStyle.Plain } ? null : value;
            }
        }

        return null;
    }

    internal static string? Scalar(YamlMappingNode node, string key) => (Child(node, key) as YamlScalarNode)?.Value;
}
