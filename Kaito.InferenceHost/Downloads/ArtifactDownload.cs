using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kaito.InferenceHost.Downloads;

/// <summary>An artifact of a registry (distribution API v2) whose layers are the files of a model, by digest.</summary>
/// <seealso href="https://github.com/opencontainers/distribution-spec/blob/main/spec.md">OCI distribution specification.</seealso>
internal sealed class ArtifactDownload(
    HttpClient http, DownloadOptions options, DownloadProgress progress, TimeProvider clock, ILogger logger)
{
    private const string Title = "org.opencontainers.image.title";

    private const int MostManifestBytes = 4 << 20;

    /// <returns>The folder with the model.</returns>
    /// <exception cref="DownloadException">It cannot be had.</exception>
    public async Task<string> FetchAsync(ModelSource.Artifact artifact, CancellationToken cancellationToken)
    {
        var folder = Path.Combine(
            options.CacheFolder, "oci--" + $"{artifact.Host}/{artifact.Path}".Replace('/', '-').Replace(':', '-'));
        var web = new WebGet(http) { TrustedAuthority = artifact.Host, Patience = options.Patience };
        try
        {
            var (digest, manifest) = await ManifestAsync(web, artifact, cancellationToken);
            var layers = Layers(artifact, manifest);
            var fetch = new BlobFetch(web, options, progress, clock, logger);
            Directory.CreateDirectory(Path.Combine(folder, "blobs"));
            var snapshot = Path.Combine(folder, "snapshots", digest);
            progress.Begin(layers.Sum(static layer => layer.Size), layers.Sum(layer => BlobFetch.Have(BlobPath(folder, layer))));
            foreach (var layer in layers)
            {
                await fetch.BringAsync(
                    new(
                        layer.Name, Address(artifact, $"blobs/sha256:{layer.Digest}"), layer.Size,
                        new(layer.Digest, GitBlob: false)),
                    BlobPath(folder, layer), cancellationToken);
                Show(Path.Combine(snapshot, layer.Name), BlobPath(folder, layer));
            }

            progress.End();
            return ModelFiles.FolderIn(snapshot) ?? throw new DownloadException(
                $"{artifact.Name} holds no model: its layers are {string.Join(", ", layers.Select(static l => l.Name))}.");
        }
        catch (Exception wrong) when (wrong is HttpRequestException or TimeoutException)
        {
            throw new DownloadException($"{artifact.Name}: {wrong.Message.TrimEnd('.')}. Check name, tag and login.", wrong);
        }
    }

    private static string BlobPath(string folder, Layer layer) => Path.Combine(folder, "blobs", layer.Digest);

    private static void Show(string link, string blob)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(link)!);
        if (!File.Exists(link))
        {
            File.Delete(link);
            File.CreateSymbolicLink(link, Path.GetRelativePath(Path.GetDirectoryName(link)!, blob));
        }
    }

    private static Uri Address(ModelSource.Artifact artifact, string rest) =>
        new($"{(IsLocal(artifact.Host) ? "http" : "https")}://{artifact.Host}/v2/{artifact.Path}/{rest}");

    // As container clients do: registries of this machine need no TLS.
    private static bool IsLocal(string authority) => new Uri($"http://{authority}").IsLoopback;

    private async Task<(string Digest, JsonObject Manifest)> ManifestAsync(
        WebGet web, ModelSource.Artifact artifact, CancellationToken cancellationToken)
    {
        var address = Address(artifact, $"manifests/{artifact.Wanted}");
        var answer = await web.TryGetAsync(address, Accept, cancellationToken);
        if (answer.StatusCode == HttpStatusCode.Unauthorized)
        {
            web.Credentials = await LogInAsync(artifact, answer.Headers.WwwAuthenticate, cancellationToken);
            answer.Dispose();
            answer = await web.TryGetAsync(address, Accept, cancellationToken);
        }

        using (answer)
        {
            if (!answer.IsSuccessStatusCode)
            {
                throw new HttpRequestException($"{address.Host} answered {(int)answer.StatusCode}");
            }

            var bytes = await ReadAsync(answer.Content, cancellationToken);
            var digest = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(bytes));
            return artifact.Digest is { } wanted && wanted != digest
                ? throw new DownloadException($"{artifact.Name} gave a manifest of {digest} for {wanted}. Do not trust it.")
                : (digest["sha256:".Length..], Parse(artifact, bytes));
        }
    }

    private static void Accept(HttpRequestMessage request)
    {
        request.Headers.Accept.ParseAdd("application/vnd.oci.image.manifest.v1+json");
        request.Headers.Accept.ParseAdd("application/vnd.docker.distribution.manifest.v2+json");
    }

    private static async Task<byte[]> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        await using var body = await content.ReadAsStreamAsync(cancellationToken);
        using var bytes = new MemoryStream();
        var buffer = new byte[1 << 16];
        int read;
        while ((read = await body.ReadAsync(buffer, cancellationToken)) > 0)
        {
            bytes.Write(buffer, 0, read);
            if (bytes.Length > MostManifestBytes)
            {
                throw new HttpRequestException($"the manifest has more than {MostManifestBytes >> 20} MiB");
            }
        }

        return bytes.ToArray();
    }

    private static JsonObject Parse(ModelSource.Artifact artifact, byte[] bytes)
    {
        try
        {
            return JsonNode.Parse(bytes) as JsonObject ?? throw new JsonException("it is no object");
        }
        catch (JsonException malformed)
        {
            throw new DownloadException($"The manifest of {artifact.Name} cannot be read: {malformed.Message}", malformed);
        }
    }

    private static Layer[] Layers(ModelSource.Artifact artifact, JsonObject manifest)
    {
        try
        {
            Layer[] layers =
            [
                .. (manifest["layers"] as JsonArray ?? []).Select(static layer => new Layer(
                    (string?)layer!["annotations"]?[Title] ?? "",
                    ((string)layer["digest"]!)["sha256:".Length..],
                    (long)layer["size"]!)).Where(static layer => layer.Name.Length > 0),
            ];
            return layers.Length > 0 && layers.All(static layer => layer.IsSane) ? layers : throw new FormatException(
                "it has no layers with titles that are names of files; push it with oras");
        }
        catch (Exception wrong) when (wrong is FormatException or InvalidOperationException or NullReferenceException
            or ArgumentOutOfRangeException)
        {
            throw new DownloadException($"The manifest of {artifact.Name} is none of files: {wrong.Message}.", wrong);
        }
    }

    // Bearer realm="https://auth.example/token",service="registry.example",scope="repository:name:pull", or Basic.
    private async Task<AuthenticationHeaderValue?> LogInAsync(
        ModelSource.Artifact artifact, HttpHeaderValueCollection<AuthenticationHeaderValue> asked,
        CancellationToken cancellationToken)
    {
        var login = RegistryLogins.Find(options.RegistryLogins, artifact.Host);
        if (asked.FirstOrDefault(static one => one.Scheme == "Bearer")?.Parameter is not { } parameter)
        {
            return login is null ? null : new("Basic", login);
        }

        var terms = RegistryLogins.Terms(parameter);
        if (!Uri.TryCreate(terms.GetValueOrDefault("realm"), UriKind.Absolute, out var realm)
            || (realm.Scheme != Uri.UriSchemeHttps && !realm.IsLoopback))
        {
            throw new HttpRequestException("it names no place to log in");
        }

        var query = $"service={Uri.EscapeDataString(terms.GetValueOrDefault("service") ?? "")}&scope="
            + Uri.EscapeDataString(terms.GetValueOrDefault("scope") ?? $"repository:{artifact.Path}:pull");
        var keeper = new WebGet(http)
        {
            TrustedAuthority = realm.Authority,
            Credentials = login is null ? null : new("Basic", login),
            Patience = options.Patience,
        };
        using var answer = await keeper.GetAsync(new UriBuilder(realm) { Query = query }.Uri, null, cancellationToken);
        var token = Parse(artifact, await ReadAsync(answer.Content, cancellationToken));
        return (string?)(token["token"] ?? token["access_token"]) is { Length: > 0 } given ? new("Bearer", given) : null;
    }

    /// <param name="Name">File it is, perhaps in a folder.</param>
    /// <param name="Digest">SHA-256, hexadecimal.</param>
    /// <param name="Size">Bytes.</param>
    private sealed record Layer(string Name, string Digest, long Size)
    {
        public bool IsSane => Digest.Length == 64 && Digest.All(char.IsAsciiHexDigitLower) && Size >= 0
            && !Name.Contains('\\') && !Path.IsPathRooted(Name)
            && Name.Split('/').All(static part => part is not ("" or "." or ".."));
    }
}

/// <summary>Logins that container clients keep in <c>config.json</c>.</summary>
internal static class RegistryLogins
{
    /// <param name="folder">The client's; null for none.</param>
    /// <param name="host">The registry.</param>
    /// <returns>Name and password as Basic writes them; null when there are none.</returns>
    public static string? Find(string? folder, string host)
    {
        if (folder is null || Path.Combine(folder, "config.json") is var file && !File.Exists(file))
        {
            return null;
        }

        try
        {
            var auths = JsonNode.Parse(File.ReadAllText(file))?["auths"] as JsonObject;
            var one = auths?[host] ?? auths?[$"https://{host}"];
            return (string?)one?["auth"] ?? ((string?)one?["username"] is { } name
                ? Convert.ToBase64String(Encoding.UTF8.GetBytes($"{name}:{(string?)one["password"]}"))
                : null);
        }
        catch (Exception unreadable) when (unreadable is JsonException or IOException or InvalidOperationException)
        {
            throw new DownloadException($"{file} cannot be read as a client's logins. Correct it, or unset DOCKER_CONFIG.");
        }
    }

    /// <summary>Reads <c>a="b",c="d"</c>.</summary>
    public static Dictionary<string, string> Terms(string text)
    {
        var found = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var part in text.Split("\","))
        {
            if (part.Split('=', 2) is [var name, var value])
            {
                found[name.Trim()] = value.Trim().Trim('"');
            }
        }

        return found;
    }
}
