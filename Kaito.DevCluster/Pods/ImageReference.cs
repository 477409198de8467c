namespace Kaito.DevCluster.Pods;

/// <summary>Finds what runs in place of a container image.</summary>
internal static class ImageReference
{
    /// <summary>The last segment of the repository: <c>r.example:5000/kaito/inference-host:1.0@sha256:…</c> → <c>inference-host</c>.</summary>
    public static string NameOf(string image)
    {
        var last = image[(image.LastIndexOf('/') + 1)..];
        var end = last.AsSpan().IndexOfAny(':', '@');
        return end < 0 ? last : last[..end];
    }

    /// <summary>The command of an image, or why there is none.</summary>
    public static (string[]? Command, string Error) Resolve(string image, PodOptions options, string dotnet)
    {
        var name = NameOf(image);
        if (!options.Images.TryGetValue(name, out var path))
        {
            var known = options.Images.Count == 0 ? "none" : string.Join(", ", options.Images.Keys.Order(StringComparer.Ordinal));
            return (null, $"image \"{image}\" cannot run here: this cluster runs containers as local processes and has no "
                + $"program for \"{name}\" (it has: {known}); start it with --Images:{name}=PATH of a .dll or an executable");
        }

        if (!File.Exists(path))
        {
            return (null, $"image \"{image}\" is mapped to {path}, which does not exist; build it or correct --Images:{name}");
        }

        return path.EndsWith(".dll", StringComparison.OrdinalIgnoreCase) ? ([dotnet, path], "") : ([path], "");
    }
}
