using System.Text;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Pods;

/// <summary>Makes a pod's volumes as local folders.</summary>
internal sealed class VolumeFolders(PodOptions options, Func<ObjectKey, JsonObject?> find)
{
    /// <summary>Writes the volumes and returns their folders by volume name.</summary>
    /// <exception cref="PodConfigException">A volume cannot be made; the message says which and why.</exception>
    public Dictionary<string, string> Materialise(JsonObject pod, string podFolder)
    {
        var folders = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var volume in pod.Objects("spec", "volumes"))
        {
            var name = volume.Text("name") ?? "";
            folders[name] = Make(pod, volume, Path.Combine(podFolder, "volumes", name));
        }

        return folders;
    }

    private string Make(JsonObject pod, JsonObject volume, string folder)
    {
        if (volume.Text("persistentVolumeClaim", "claimName") is { } claim)
        {
            return Claim(pod, claim);
        }

        Directory.CreateDirectory(folder);
        if (volume.At("emptyDir") is not null)
        {
            return folder;
        }

        foreach (var source in volume.At("projected") is { } projected ? projected.Objects("sources") : [volume])
        {
            Fill(pod, source, folder, volume.Text("name") ?? "");
        }

        return folder;
    }

    private string Claim(JsonObject pod, string name)
    {
        if (find(new(Resources.Claims, pod.Namespace, name)) is null)
        {
            throw new PodConfigException($"persistentvolumeclaim \"{name}\" not found");
        }

        var folder = Path.Combine(options.StateFolder, "volumes", $"{pod.Namespace}_{name}");
        Directory.CreateDirectory(folder);
        return folder;
    }

    private void Fill(JsonObject pod, JsonObject source, string folder, string volume)
    {
        if (source.At("configMap") is JsonObject map)
        {
            Keys(pod, map, Resources.ConfigMaps, folder, map.Text("name"));
        }
        else if (source.At("secret") is JsonObject secret)
        {
            Keys(pod, secret, Resources.Secrets, folder, secret.Text("secretName") ?? secret.Text("name"));
        }
        else if (source.At("downwardAPI") is { } downward)
        {
            foreach (var item in downward.Objects("items"))
            {
                var value = ContainerVariables.Field(pod, item.Text("fieldRef", "fieldPath") ?? "");
                Write(folder, item.Text("path") ?? "", Encoding.UTF8.GetBytes(value));
            }
        }
        else if (source.At("serviceAccountToken") is null)
        {
            var kind = source.Select(static m => m.Key).FirstOrDefault(static k => k != "name") ?? "nothing";
            throw new PodConfigException($"volume \"{volume}\" is of type {kind}, which pods that run as local processes "
                + "cannot have; use configMap, secret, emptyDir, downwardAPI, projected or persistentVolumeClaim");
        }
    }

    private void Keys(JsonObject pod, JsonObject source, GroupResource resource, string folder, string? name)
    {
        var values = ContainerVariables.Values(resource, find(new(resource, pod.Namespace, name ?? "")));
        if (values is null)
        {
            if (source.Flag("optional"))
            {
                return;
            }

            throw new PodConfigException($"{ContainerVariables.Singular(resource)} \"{name}\" not found");
        }

        var items = source.Objects("items").Select(static i => (Key: i.Text("key") ?? "", Path: i.Text("path") ?? "")).ToArray();
        foreach (var (key, path) in items.Length > 0 ? items : [.. values.Keys.Select(static k => (k, k))])
        {
            if (values.TryGetValue(key, out var bytes))
            {
                Write(folder, path, bytes);
            }
            else if (!source.Flag("optional"))
            {
                throw new PodConfigException(
                    $"{ContainerVariables.Singular(resource)} \"{name}\" has no key \"{key}\" for the volume");
            }
        }
    }

    private static void Write(string folder, string path, byte[] bytes)
    {
        var file = Path.GetFullPath(Path.Combine(folder, path));
        if (!file.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            throw new PodConfigException($"path \"{path}\" of a volume leaves the volume; use a relative path without '..'");
        }

        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllBytes(file, bytes);
    }
}
