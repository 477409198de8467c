namespace Kaito.InferenceHost.Downloads;

/// <summary>How models are fetched.</summary>
/// <param name="CacheFolder">In the layout of huggingface_hub's cache; created when missing.</param>
internal sealed record DownloadOptions(string CacheFolder)
{
    /// <summary>Where the operator mounts a pod's volume for weights.</summary>
    private const string PodVolume = "/workspace/weights";

    /// <summary>The hub of <c>OWNER/NAME</c>; <c>HF_ENDPOINT</c> names a mirror.</summary>
    public Uri Endpoint { get; init; } = new("https://huggingface.co/");

    /// <summary>Shown to the hub alone, and never logged.</summary>
    public string? Token { get; init; }

    /// <summary>Nothing is asked for: what is not in the cache is missing.</summary>
    public bool Offline { get; init; }

    /// <summary>Folder with the <c>config.json</c> of a container client, for registries that ask for a login.</summary>
    public string? RegistryLogins { get; init; }

    /// <summary>Attempts for one file, the first included, as long as none of them brings a byte.</summary>
    public int Attempts { get; init; } = 6;

    /// <summary>Pause after the first failure; it doubles each time, up to a minute.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest time without a byte.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <param name="environment">Reads one variable.</param>
    /// <param name="folder">As given with <c>--download-dir</c>; null for the usual one.</param>
    public static DownloadOptions Read(Func<string, string?> environment, string? folder)
    {
        var home = NullIfEmpty(environment("HF_HOME"))
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "huggingface");
        var usual = Directory.Exists(PodVolume) && NullIfEmpty(environment("HF_HOME")) is null
            ? PodVolume
            : Path.Combine(home, "hub");
        var options = new DownloadOptions(folder ?? NullIfEmpty(environment("HF_HUB_CACHE")) ?? usual)
        {
            Token = NullIfEmpty(environment("HF_TOKEN"))?.Trim(),
            Offline = environment("HF_HUB_OFFLINE")?.ToUpperInvariant() is "1" or "TRUE" or "YES" or "ON",
            RegistryLogins = NullIfEmpty(environment("DOCKER_CONFIG")),
        };
        return Uri.TryCreate(NullIfEmpty(environment("HF_ENDPOINT"))?.TrimEnd('/') + "/", UriKind.Absolute, out var endpoint)
            ? options with { Endpoint = endpoint }
            : options;
    }

    /// <summary>Without the token.</summary>
    public override string ToString() => $"{Endpoint} into {CacheFolder}";

    private static string? NullIfEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;
}

/// <summary>The model cannot be had; the message names what, why and the remedy, and no secret.</summary>
internal sealed class DownloadException(string message, Exception? inner = null) : Exception(message, inner);
