using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kaito.InferenceHost.Downloads;

/// <summary>A repository of a hub that answers as Hugging Face does, kept in the layout of huggingface_hub's cache.</summary>
internal sealed class HubDownload(HttpClient http, DownloadOptions options, DownloadProgress progress, TimeProvider clock, ILogger logger)
{
    private const int MostFiles = 20_000;

    private readonly WebGet _web = new(http)
    {
        Credentials = options.Token is { } token ? new("Bearer", token) : null,
        TrustedAuthority = options.Endpoint.Authority,
        Patience = options.Patience,
    };

    /// <returns>The folder with the model.</returns>
    /// <exception cref="DownloadException">It cannot be had.</exception>
    public async Task<string> FetchAsync(ModelSource.Repository repository, CancellationToken cancellationToken)
    {
        var cache = new HubCache(options.CacheFolder, repository);
        if (options.Offline)
        {
            return cache.Snapshot(cache.Commit()) is { } kept && ModelFiles.FolderIn(kept) is { } there
                ? there
                : throw new DownloadException(
                    $"{repository.Id} at {repository.Revision} is not in {options.CacheFolder}, and HF_HUB_OFFLINE forbids to "
                    + "fetch it. Put it there, or unset HF_HUB_OFFLINE.");
        }

        var listing = await ListAsync(repository, cancellationToken);
        var wanted = ModelFiles.Choose(listing.Siblings, static file => file.Rfilename);
        if (wanted.IsEmpty)
        {
            throw new DownloadException(
                $"{repository.Id} holds neither an ONNX model nor a checkpoint in safetensors; name a repository that does.");
        }

        cache.Prepare(listing.Sha);
        Begin(cache, wanted);
        var fetch = new BlobFetch(_web, options, progress, clock, logger);
        foreach (var file in wanted)
        {
            await fetch.BringAsync(
                new(file.Rfilename, Address(repository, listing.Sha, file.Rfilename), file.Bytes, file.Sum),
                cache.BlobPath(file.Sum.Hex), cancellationToken);
            cache.Show(listing.Sha, file.Rfilename, file.Sum.Hex);
        }

        cache.Remember(listing.Sha);
        progress.End();
        return ModelFiles.FolderIn(cache.Snapshot(listing.Sha)!)!;
    }

    private async Task<HubListing> ListAsync(ModelSource.Repository repository, CancellationToken cancellationToken)
    {
        var address = new Uri(
            options.Endpoint, $"api/models/{repository.Id}/revision/{Uri.EscapeDataString(repository.Revision)}?blobs=true");
        var (failures, pause) = (0, options.Pause);
        while (true)
        {
            try
            {
                using var answer = await _web.TryGetAsync(address, null, cancellationToken);
                if (answer.IsSuccessStatusCode)
                {
                    return await ReadAsync(repository, answer, cancellationToken);
                }

                if (answer.StatusCode is not HttpStatusCode.TooManyRequests && (int)answer.StatusCode < 500)
                {
                    throw Refused(repository, answer.StatusCode);
                }

                throw new HttpRequestException($"{address.Host} answered {(int)answer.StatusCode}");
            }
            catch (Exception passing) when (passing is HttpRequestException or HttpIOException or TimeoutException)
            {
                if (++failures >= options.Attempts)
                {
                    throw new DownloadException(
                        $"{options.Endpoint.Host} could not be asked about {repository.Id} in {failures} attempts: "
                        + $"{passing.Message.ReplaceLineEndings(" ").TrimEnd('.')}. Let this host reach it, name a mirror with "
                        + "HF_ENDPOINT, or mount the weights.", passing);
                }

                await Task.Delay(pause, clock, cancellationToken);
                pause *= 2;
            }
        }
    }

    private static async Task<HubListing> ReadAsync(
        ModelSource.Repository repository, HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        try
        {
            await using var body = await answer.Content.ReadAsStreamAsync(cancellationToken);
            var listing = await JsonSerializer.DeserializeAsync(body, HubJson.Default.HubListing, cancellationToken);
            return listing is { Sha.Length: 40, Siblings: { Count: > 0 and <= MostFiles } siblings }
                && listing.Sha.All(char.IsAsciiHexDigitLower) && siblings.All(static file => file.IsSane)
                ? listing
                : throw new DownloadException($"The list of files of {repository.Id} is none that can be followed.");
        }
        catch (JsonException malformed)
        {
            throw new DownloadException($"The list of files of {repository.Id} is not JSON: {malformed.Message}", malformed);
        }
    }

    private DownloadException Refused(ModelSource.Repository repository, HttpStatusCode status) => new((int)status switch
    {
        401 or 403 when options.Token is null =>
            $"{repository.Id} asks for an access token, or does not exist. Check the name, and set HF_TOKEN.",
        401 or 403 => $"{repository.Id} is not for the owner of HF_TOKEN, or does not exist. Ask for access on its page.",
        404 => $"{repository.Id} has no revision {repository.Revision}, or does not exist. Check --model and --code-revision.",
        _ => $"{options.Endpoint.Host} answered {(int)status} about {repository.Id}.",
    });

    private Uri Address(ModelSource.Repository repository, string commit, string file) => new(
        options.Endpoint,
        $"{repository.Id}/resolve/{commit}/{string.Join('/', file.Split('/').Select(Uri.EscapeDataString))}");

    private void Begin(HubCache cache, IReadOnlyCollection<HubFile> wanted)
    {
        var expected = wanted.Sum(static file => file.Bytes ?? 0);
        var have = wanted.DistinctBy(static file => file.Sum.Hex).Sum(file => BlobFetch.Have(cache.BlobPath(file.Sum.Hex)));
        var free = new DriveInfo(Path.GetFullPath(options.CacheFolder)).AvailableFreeSpace;
        if (expected - have > free)
        {
            throw new DownloadException(
                $"The model needs {expected - have} more bytes in {options.CacheFolder}, where {free} are free. Give it more "
                + "room, or name another folder with --download-dir.");
        }

        progress.Begin(expected, have);
    }
}

/// <summary>What the hub says of a revision.</summary>
/// <param name="Sha">Its commit.</param>
/// <param name="Siblings">Its files.</param>
internal sealed record HubListing(string Sha, IReadOnlyList<HubFile> Siblings);

/// <param name="Rfilename">Path within the repository.</param>
/// <param name="Size">Bytes.</param>
/// <param name="BlobId">Hash of git.</param>
/// <param name="Lfs">Set for a file that git keeps elsewhere.</param>
internal sealed record HubFile(string Rfilename, long? Size, string? BlobId, HubLfs? Lfs)
{
    [JsonIgnore]
    public long? Bytes => Lfs?.Size ?? Size;

    [JsonIgnore]
    public Checksum Sum => Lfs is { } lfs ? new(lfs.Sha256, GitBlob: false) : new(BlobId!, GitBlob: true);

    /// <summary>Neither its name nor its hash leads out of the cache.</summary>
    [JsonIgnore]
    public bool IsSane => (Lfs is { Sha256.Length: 64 } || BlobId is { Length: 40 })
        && Sum.Hex.All(char.IsAsciiHexDigitLower)
        && !Rfilename.Contains('\\') && !Rfilename.Contains('\0')
        && Rfilename.Split('/').All(static part => part is not ("" or "." or ".."));
}

/// <param name="Sha256">Of the contents.</param>
/// <param name="Size">Bytes.</param>
internal sealed record HubLfs(string Sha256, long Size);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(HubListing))]
internal sealed partial class HubJson : JsonSerializerContext;
