using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Pods;

/// <summary>
/// A local process cannot mount: where a container's command, arguments or variables name a path under one of its mounts,
/// the local folder takes its place.
/// </summary>
internal sealed class MountPaths
{
    private readonly Dictionary<string, string> _folders;
    private readonly Regex? _pattern;

    private MountPaths(Dictionary<string, string> folders)
    {
        _folders = folders;
        if (folders.Count > 0)
        {
            // A whole path only: "/mnt/config" in "--config=/mnt/config/a.json", not in "/mnt/config-old" or "/x/mnt/config".
            var any = string.Join('|', folders.Keys.OrderByDescending(static k => k.Length).Select(Regex.Escape));
            _pattern = new($"(?<![A-Za-z0-9._/-])(?:{any})(?![A-Za-z0-9._-])", RegexOptions.CultureInvariant);
        }
    }

    /// <param name="container">The container whose volumeMounts count.</param>
    /// <param name="volumes">Local folder (or file) by volume name.</param>
    public static MountPaths Of(JsonObject container, IReadOnlyDictionary<string, string> volumes)
    {
        var folders = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var mount in container.Objects("volumeMounts"))
        {
            var path = mount.Text("mountPath")?.TrimEnd('/');
            if (!string.IsNullOrEmpty(path) && volumes.TryGetValue(mount.Text("name") ?? "", out var folder))
            {
                folders[path] = mount.Text("subPath") is { Length: > 0 } sub ? Path.Combine(folder, sub) : folder;
            }
        }

        return new(folders);
    }

    /// <summary>The text with local paths. One pass: a local path is never rewritten again.</summary>
    public string Rewrite(string text) => _pattern?.Replace(text, match => _folders[match.Value]) ?? text;
}
