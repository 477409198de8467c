using System.Collections.Immutable;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Catalog;

namespace Kaito.Operator.Models;

/// <summary>A hub of models that answers as Hugging Face does. No answer takes longer than 30 seconds.</summary>
internal sealed class ModelHub(Uri endpoint, HttpClient http)
{
    private const int MaxRedirects = 5;
    private const int MaxList = 8 << 20;
    private const int MaxConfig = 1 << 20;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    /// <summary>Redirects are followed here: a token must not go to another host.</summary>
    public static HttpClient Client() => new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
    })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    /// <summary>What the repository's default branch says of its model.</summary>
    /// <exception cref="ModelHubException">It cannot be read, or its model not be served.</exception>
    public async Task<ModelPreset> ReadAsync(string repository, string? token, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(s_limit);
        try
        {
            return await ReadAsync(new(repository, token), limit.Token);
        }
        catch (Exception wrong) when (wrong is HttpRequestException or IOException
            || (wrong is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            var cause = wrong is OperationCanceledException ? $"no answer in {s_limit.TotalSeconds} s" : wrong.Message;
            throw new ModelHubException(
                "ModelHubUnreachable",
                $"{endpoint.Host} could not be asked about {repository}: {cause}. Let the operator reach {endpoint}, name a "
                + "mirror with HF_ENDPOINT or --model-hub, or choose a preset of the catalogue.");
        }
    }

    private async Task<ModelPreset> ReadAsync(Question asked, CancellationToken cancellationToken)
    {
        var (list, _) = await GetAsync(
            asked, $"api/models/{asked.Repository}/tree/main?recursive=true", MaxList, mayLack: false, cancellationToken);
        var files = Files(asked.Repository, list!);
        var (config, status) = await GetAsync(
            asked, $"{asked.Repository}/resolve/main/config.json", MaxConfig, mayLack: true, cancellationToken);
        if (config is null && RepositoryFacts.IsMistral(files))
        {
            (config, status) = await GetAsync(
                asked, $"{asked.Repository}/resolve/main/params.json", MaxConfig, mayLack: true, cancellationToken);
        }

        if (config is null)
        {
            throw new ModelHubException(
                "ModelMetadataInvalid",
                $"{asked.Repository} has no config.json ({(int)status}). Name a repository in the transformers format.");
        }

        return RepositoryFacts.Read(asked.Repository, files, config).TryGet(out var model, out var errors)
            ? model
            : throw new ModelHubException(
                errors[0].Code == "malformed-config" ? "ModelMetadataInvalid" : "ModelUnsupported", errors[0].Message);
    }

    private async Task<(string? Text, HttpStatusCode Status)> GetAsync(
        Question asked, string path, int most, bool mayLack, CancellationToken cancellationToken)
    {
        var target = new Uri(endpoint, path);
        for (var hop = 0; hop <= MaxRedirects; hop++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, target);
            if (asked.Token is { } token && target.Authority == endpoint.Authority && target.Scheme == endpoint.Scheme)
            {
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            }

            request.Headers.UserAgent.ParseAdd("kaito-operator");
            using var response = await http.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if ((int)response.StatusCode is >= 300 and < 400 && response.Headers.Location is { } location)
            {
                target = Next(asked.Repository, target, location);
                continue;
            }

            if (response.IsSuccessStatusCode)
            {
                return (await TextAsync(asked.Repository, response.Content, most, cancellationToken), response.StatusCode);
            }

            return mayLack && response.StatusCode == HttpStatusCode.NotFound
                ? (null, response.StatusCode)
                : throw Refused(asked, response);
        }

        throw new ModelHubException(
            "ModelHubUnreachable", $"{endpoint.Host} redirects more than {MaxRedirects} times for {asked.Repository}.");
    }

    private static Uri Next(string repository, Uri from, Uri location)
    {
        var next = new Uri(from, location);
        return next.Scheme == from.Scheme || next.Scheme == Uri.UriSchemeHttps
            ? next
            : throw new ModelHubException(
                "ModelHubUnreachable", $"{from.Host} redirects {repository} to {next.Scheme}, which is not followed.");
    }

    private static async Task<string> TextAsync(
        string repository, HttpContent content, int most, CancellationToken cancellationToken)
    {
        await using var stream = await content.ReadAsStreamAsync(cancellationToken);
        using var text = new MemoryStream();
        var buffer = new byte[16 << 10];
        int read;
        while ((read = await stream.ReadAsync(buffer, cancellationToken)) > 0)
        {
            if (text.Length + read > most)
            {
                throw new ModelHubException(
                    "ModelMetadataInvalid", $"The metadata of {repository} has more than {most >> 20} MiB.");
            }

            text.Write(buffer, 0, read);
        }

        return System.Text.Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length);
    }

    private ModelHubException Refused(Question asked, HttpResponseMessage response)
    {
        var repository = asked.Repository;
        return response.StatusCode switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden when asked.Token is null => new(
                "ModelAccessDenied",
                $"{repository} asks for an access token, or does not exist. Check the name, and name a Secret with the key "
                + "HF_TOKEN in presetOptions.modelAccessSecret."),
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => new(
                "ModelAccessDenied",
                $"{endpoint.Host} refused the access token for {repository} ({(int)response.StatusCode}). Accept the model's "
                + $"terms at {new Uri(endpoint, repository)}, or put a valid token into the Secret."),
            HttpStatusCode.NotFound => new(
                "ModelNotFound", $"{repository} is not at {endpoint.Host}. Check owner and name of the repository."),
            HttpStatusCode.TooManyRequests => new(
                "ModelHubRateLimited",
                $"{endpoint.Host} allows no more requests for now; {repository} is asked for again. A token in HF_TOKEN or in "
                + "the Secret raises the limit.")
            {
                RetryAfter = response.Headers.RetryAfter?.Delta,
            },
            _ => new(
                "ModelHubUnreachable",
                $"{endpoint.Host} answered {(int)response.StatusCode} for {repository}; it is asked again. Name a mirror with "
                + "HF_ENDPOINT or --model-hub, or choose a preset of the catalogue."),
        };
    }

    // Example: [{"type":"file","path":"model.safetensors","size":134,"lfs":{"size":5000000000}}]
    private static ImmutableArray<RepositoryFile> Files(string repository, string json)
    {
        try
        {
            return
            [
                .. (JsonNode.Parse(json) as JsonArray ?? throw new JsonException("it is not a list"))
                    .OfType<JsonObject>()
                    .Where(static e => (string?)e["type"] != "directory")
                    .Select(static e => new RepositoryFile(
                        (string?)e["path"] ?? "", Math.Max((long?)e["size"] ?? 0, (long?)e["lfs"]?["size"] ?? 0))),
            ];
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or FormatException)
        {
            throw new ModelHubException(
                "ModelMetadataInvalid", $"The list of files of {repository} cannot be read: {wrong.Message}");
        }
    }

    // Never printed: it carries the token.
    private readonly record struct Question(string Repository, string? Token)
    {
        public override string ToString() => Repository;
    }
}
