using System.Text;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Pods;

/// <summary>The pod asks for something that is not there (yet); the message names it.</summary>
internal sealed class PodConfigException(string message) : Exception(message);

/// <summary>Environment variables of a container: env, envFrom, references and <c>$(NAME)</c>.</summary>
internal static class ContainerVariables
{
    /// <summary>The variables in the order of the manifest; a later one of the same name wins.</summary>
    /// <param name="pod">The pod, with the addresses it runs under.</param>
    /// <param name="container">One of its containers.</param>
    /// <param name="find">Reads ConfigMaps and Secrets.</param>
    /// <exception cref="PodConfigException">A reference that is not optional leads nowhere.</exception>
    public static Dictionary<string, string> Resolve(JsonObject pod, JsonObject container, Func<ObjectKey, JsonObject?> find)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var source in container.Objects("envFrom"))
        {
            var prefix = source.Text("prefix") ?? "";
            foreach (var (key, value) in Imported(pod, source, find))
            {
                variables[prefix + key] = value;
            }
        }

        foreach (var entry in container.Objects("env"))
        {
            if (Value(pod, container, entry, (variables, find)) is { } value)
            {
                variables[entry.Text("name") ?? ""] = value;
            }
        }

        return variables;
    }

    /// <summary>Replaces <c>$(NAME)</c> of known variables; <c>$$(NAME)</c> stays as <c>$(NAME)</c>.</summary>
    public static string Expand(string text, IReadOnlyDictionary<string, string> variables)
    {
        var result = new StringBuilder(text.Length);
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] != '$' || at + 1 == text.Length)
            {
                result.Append(text[at]);
                continue;
            }

            var close = text[at + 1] == '(' ? text.IndexOf(')', at) : -1;
            if (text[at + 1] == '$')
            {
                result.Append('$');
                at++;
            }
            else if (close > 0 && variables.TryGetValue(text[(at + 2)..close], out var value))
            {
                result.Append(value);
                at = close;
            }
            else
            {
                result.Append('$');
            }
        }

        return result.ToString();
    }

    /// <summary>A field of the downward API, e.g. <c>metadata.labels['app']</c> or <c>status.podIP</c>.</summary>
    public static string Field(JsonObject pod, string path)
    {
        var bracket = path.IndexOf("['", StringComparison.Ordinal);
        if (bracket > 0)
        {
            return pod.At(path[..bracket].Split('.')).Text(path[(bracket + 2)..^2]) ?? "";
        }

        return pod.At(path.Split('.')) switch
        {
            JsonObject map => string.Join('\n', map.Map().Select(static m => $"{m.Key}=\"{m.Value}\"")),
            var node => node.Text() ?? "",
        };
    }

    private static string? Value(
        JsonObject pod,
        JsonObject container,
        JsonObject entry,
        (Dictionary<string, string> Known, Func<ObjectKey, JsonObject?> Find) context)
    {
        if (entry.At("valueFrom") is not JsonObject from)
        {
            return Expand(entry.Text("value") ?? "", context.Known);
        }

        if (from.Text("fieldRef", "fieldPath") is { } path)
        {
            return Field(pod, path);
        }

        if (from.At("configMapKeyRef") is JsonObject map)
        {
            return Key(pod, map, Resources.ConfigMaps, context.Find);
        }

        return from.At("secretKeyRef") is JsonObject secret
            ? Key(pod, secret, Resources.Secrets, context.Find)
            : Resource(container, from.Text("resourceFieldRef", "resource") ?? "");
    }

    private static string Resource(JsonObject container, string path)
    {
        var dot = path.IndexOf('.', StringComparison.Ordinal);
        var text = dot < 0 ? null : container.Text("resources", path[..dot], path[(dot + 1)..]);
        return decimal.Ceiling(Quantity.Parse(text)).ToString(System.Globalization.CultureInfo.InvariantCulture);
    }

    private static string? Key(JsonObject pod, JsonObject reference, GroupResource resource, Func<ObjectKey, JsonObject?> find)
    {
        var (name, key) = (reference.Text("name") ?? "", reference.Text("key") ?? "");
        var values = Values(resource, find(new(resource, pod.Namespace, name)));
        if (values is not null && values.TryGetValue(key, out var bytes))
        {
            return Encoding.UTF8.GetString(bytes);
        }

        return reference.Flag("optional") ? null : throw new PodConfigException(values is null
            ? $"{Singular(resource)} \"{name}\" not found"
            : $"couldn't find key {key} in {Singular(resource)} {pod.Namespace}/{name}");
    }

    private static IEnumerable<KeyValuePair<string, string>> Imported(
        JsonObject pod, JsonObject source, Func<ObjectKey, JsonObject?> find)
    {
        var (resource, reference) = source.At("configMapRef") is JsonObject map
            ? (Resources.ConfigMaps, map)
            : (Resources.Secrets, source.At("secretRef") as JsonObject ?? []);
        var name = reference.Text("name") ?? "";
        var values = Values(resource, find(new(resource, pod.Namespace, name)));
        return values is null && !reference.Flag("optional")
            ? throw new PodConfigException($"{Singular(resource)} \"{name}\" not found")
            : (values ?? []).Select(static v => KeyValuePair.Create(v.Key, Encoding.UTF8.GetString(v.Value)));
    }

    /// <summary>The values of a ConfigMap or Secret as bytes; null for a null object.</summary>
    public static Dictionary<string, byte[]>? Values(GroupResource resource, JsonObject? item)
    {
        if (item is null)
        {
            return null;
        }

        var text = resource == Resources.ConfigMaps ? "data" : "stringData";
        var binary = resource == Resources.ConfigMaps ? "binaryData" : "data";
        return item.Map(binary).Select(static m => (m.Key, Bytes: Convert.FromBase64String(m.Value)))
            .Concat(item.Map(text).Select(static m => (m.Key, Bytes: Encoding.UTF8.GetBytes(m.Value))))
            .GroupBy(static m => m.Key)
            .ToDictionary(static g => g.Key, static g => g.Last().Bytes, StringComparer.Ordinal);
    }

    /// <summary><c>configmap</c> or <c>secret</c>.</summary>
    public static string Singular(GroupResource resource) => resource.Resource.TrimEnd('s');
}
