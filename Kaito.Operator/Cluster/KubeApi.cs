using System.Collections.Immutable;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Cluster;

/// <summary>
/// The API server over HTTP. Every request but a watch ends within 30 seconds. A watch is asked for 10, and the server
/// ends it: one that did not has died in silence, and what it kept to itself is known 2 seconds later.
/// </summary>
internal sealed class KubeApi(Kubernetes kubernetes, TimeProvider? clock = null) : IKubeApi
{
    private const string FieldManager = "fieldManager=kaito";
    private const string ApplyType = "application/apply-patch+yaml";
    private const string MergeType = "application/merge-patch+json";
    private const string JsonType = "application/json";
    private const string MetadataType = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    private const string MetadataListType = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    private const int WatchSeconds = 10;
    private const int PageSize = 100;
    private static readonly TimeSpan s_requestLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_silenceLimit = TimeSpan.FromSeconds(WatchSeconds + 2);

    public async Task<T?> GetAsync<T>(
        KubeKind<T> kind, string? space, string name, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        try
        {
            return Read(
                await SendAsync(HttpMethod.Get, kind.Object(space, name), null, JsonType, cancellationToken), kind);
        }
        catch (KubeNotFoundException)
        {
            return null;
        }
    }

    public async Task<JsonNode?> GetAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return JsonNode.Parse(await SendAsync(HttpMethod.Get, path, null, JsonType, cancellationToken));
        }
        catch (KubeNotFoundException)
        {
            return null;
        }
    }

    public Task<string> ReadTextAsync(string path, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, path, null, JsonType, cancellationToken);

    public async Task<KubeList<T>> ListAsync<T>(
        KubeKind<T> kind, string? space, string? labelSelector, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        var items = ImmutableArray.CreateBuilder<T>();
        var version = "0";
        await foreach (var page in PagesAsync(kind, space, labelSelector, cancellationToken))
        {
            version = page.ResourceVersion;
            items.AddRange(page.Items);
        }

        return new(version, items.DrainToImmutable());
    }

    public IAsyncEnumerable<KubeList<T>> PagesAsync<T>(
        KubeKind<T> kind, string? labelSelector, CancellationToken cancellationToken)
        where T : class, IKubeObject => PagesAsync(kind, null, labelSelector, cancellationToken);

    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(
        KubeKind<T> kind, string? labelSelector, string resourceVersion,
        [EnumeratorCancellation] CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        var path = $"{kind.Collection(null)}?watch=true&allowWatchBookmarks=true&timeoutSeconds={WatchSeconds}"
            + $"&resourceVersion={Escape(resourceVersion)}"
            + (labelSelector is null ? "" : $"&labelSelector={Escape(labelSelector)}");
        using var silence = new CancellationTokenSource(s_silenceLimit, clock ?? TimeProvider.System);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancellationToken);
        using var request = await RequestAsync(HttpMethod.Get, path, null, JsonType, limit.Token);
        request.Headers.Accept.ParseAdd(kind.MetadataOnly ? MetadataType : JsonType);
        using var response = await OpenAsync(request, path, limit.Token, cancellationToken);
        await using var stream = await response.Content.ReadAsStreamAsync(limit.Token);
        await using var lines = JsonLines.ReadAsync(stream, limit.Token).GetAsyncEnumerator(limit.Token);
        while (await NextAsync(lines, silence))
        {
            silence.CancelAfter(s_silenceLimit);
            yield return Step(lines.Current.RootElement, kind, path);
        }
    }

    private async Task<HttpResponseMessage> OpenAsync(
        HttpRequestMessage request, string path, CancellationToken limit, CancellationToken cancellationToken)
    {
        try
        {
            var response = await kubernetes.HttpClient.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, limit);
            return response.IsSuccessStatusCode
                ? response
                : throw Refused(response.StatusCode, path, await response.Content.ReadAsStringAsync(limit));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"The watch {path} was not answered within {s_silenceLimit.TotalSeconds} s.");
        }
    }

    // A watch that is silent for too long has ended, whatever the connection thinks.
    private static async Task<bool> NextAsync(IAsyncEnumerator<JsonDocument> lines, CancellationTokenSource silence)
    {
        try
        {
            return await lines.MoveNextAsync();
        }
        catch (OperationCanceledException) when (silence.IsCancellationRequested)
        {
            return false;
        }
    }

    public async Task<T> CreateAsync<T>(KubeKind<T> kind, T desired, CancellationToken cancellationToken)
        where T : class, IKubeObject => Read(
        await SendAsync(
            HttpMethod.Post, $"{kind.Collection(desired.Metadata.Namespace)}?{FieldManager}",
            JsonSerializer.Serialize(desired, kind.Contract), JsonType, cancellationToken),
        kind);

    public async Task<T> ReplaceAsync<T>(KubeKind<T> kind, T desired, CancellationToken cancellationToken)
        where T : class, IKubeObject => Read(
        await SendAsync(
            HttpMethod.Put, $"{kind.Object(desired.Metadata.Namespace, desired.Metadata.Name!)}?{FieldManager}",
            JsonSerializer.Serialize(desired, kind.Contract), JsonType, cancellationToken),
        kind);

    public Task<ObjectMeta> ApplyAsync(IKubeObject desired, CancellationToken cancellationToken)
    {
        var (kind, json) = KubeKinds.Describe(desired);
        return ApplyAsync(kind.Object(desired.Metadata.Namespace, desired.Metadata.Name!), json, cancellationToken);
    }

    public async Task<ObjectMeta> ApplyAsync(string path, string json, CancellationToken cancellationToken)
    {
        var target = $"{path}?{FieldManager}&force=true";
        using var answer = JsonDocument.Parse(
            await SendAsync(HttpMethod.Patch, target, json, ApplyType, cancellationToken));
        return answer.RootElement.GetProperty("metadata").Deserialize(KubeJson.Default.ObjectMeta)!;
    }

    public Task PatchAsync<T>(
        KubeKind<T> kind, T target, JsonObject merge, bool status, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        var path = kind.Object(target.Metadata.Namespace, target.Metadata.Name!) + (status ? "/status" : "");
        return SendAsync(
            HttpMethod.Patch, $"{path}?{FieldManager}", merge.ToJsonString(), MergeType, cancellationToken);
    }

    public async Task DeleteAsync(IKubeObject target, CancellationToken cancellationToken)
    {
        var options = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "DeleteOptions",
            ["propagationPolicy"] = "Background",
            ["preconditions"] = new JsonObject { ["uid"] = target.Metadata.Uid },
        };
        try
        {
            var path = KubeKinds.Of(target).Object(target.Metadata.Namespace, target.Metadata.Name!);
            await SendAsync(HttpMethod.Delete, path, options.ToJsonString(), JsonType, cancellationToken);
        }
        catch (KubeNotFoundException)
        {
            // Gone already, which is what was asked for.
        }
    }

    private async IAsyncEnumerable<KubeList<T>> PagesAsync<T>(
        KubeKind<T> kind, string? space, string? labelSelector,
        [EnumeratorCancellation] CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        var path = $"{kind.Collection(space)}?limit={PageSize}"
            + (labelSelector is null ? "" : $"&labelSelector={Escape(labelSelector)}");
        var rest = "";
        do
        {
            using var limit = Limit(s_requestLimit, cancellationToken);
            using var page = await PageAsync(
                $"{path}{rest}", kind.MetadataOnly ? MetadataListType : JsonType, limit.Token, cancellationToken);
            var metadata = page.RootElement.GetProperty("metadata");
            rest = metadata.TryGetProperty("continue", out var more) && more.GetString() is { Length: > 0 } token
                ? $"&continue={Escape(token)}"
                : "";
            var items = page.RootElement.TryGetProperty("items", out var found) && found.ValueKind == JsonValueKind.Array
                ? found.EnumerateArray().Select(item => ObjectReader.Read(item, kind)).ToImmutableArray()
                : [];
            yield return new(metadata.GetProperty("resourceVersion").GetString() ?? "0", items);
        }
        while (rest.Length > 0);
    }

    private async Task<JsonDocument> PageAsync(
        string path, string accept, CancellationToken limit, CancellationToken cancellationToken)
    {
        try
        {
            using var request = await RequestAsync(HttpMethod.Get, path, null, JsonType, limit);
            request.Headers.Accept.ParseAdd(accept);
            using var response = await kubernetes.HttpClient.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, limit);
            if (!response.IsSuccessStatusCode)
            {
                throw Refused(response.StatusCode, path, await response.Content.ReadAsStringAsync(limit));
            }

            await using var stream = await response.Content.ReadAsStreamAsync(limit);
            return await JsonDocument.ParseAsync(stream, cancellationToken: limit);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw TimedOut(HttpMethod.Get, path);
        }
    }

    private static TimeoutException TimedOut(HttpMethod method, string path) =>
        new($"{method} {path} timed out after {s_requestLimit.TotalSeconds} s.");

    private static WatchEvent<T> Step<T>(JsonElement line, KubeKind<T> kind, string path)
        where T : class, IKubeObject
    {
        var type = line.GetProperty("type").GetString();
        var body = line.GetProperty("object");
        if (type == "ERROR")
        {
            var code = body.TryGetProperty("code", out var number) ? number.GetInt32() : 500;
            throw Refused((HttpStatusCode)code, path, body.GetRawText());
        }

        var version = body.GetProperty("metadata").GetProperty("resourceVersion").GetString() ?? "0";
        return type switch
        {
            "BOOKMARK" => new WatchEvent<T>.Bookmark(version),
            "DELETED" => new WatchEvent<T>.Deleted(version, ObjectReader.Read(body, kind)),
            _ => new WatchEvent<T>.Upserted(version, ObjectReader.Read(body, kind)),
        };
    }

    private static T Read<T>(string json, KubeKind<T> kind)
        where T : class, IKubeObject
    {
        using var document = JsonDocument.Parse(json);
        return ObjectReader.Read(document.RootElement, kind);
    }

    private async Task<string> SendAsync(
        HttpMethod method, string path, string? body, string type, CancellationToken cancellationToken)
    {
        using var limit = Limit(s_requestLimit, cancellationToken);
        try
        {
            using var request = await RequestAsync(method, path, body, type, limit.Token);
            using var response = await kubernetes.HttpClient.SendAsync(request, limit.Token);
            var text = await response.Content.ReadAsStringAsync(limit.Token);
            return response.IsSuccessStatusCode ? text : throw Refused(response.StatusCode, path, text);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw TimedOut(method, path);
        }
    }

    private async Task<HttpRequestMessage> RequestAsync(
        HttpMethod method, string path, string? body, string type, CancellationToken cancellationToken)
    {
        var request = new HttpRequestMessage(method, new Uri(kubernetes.BaseUri, path))
        {
            Content = body is null ? null : new StringContent(body, Encoding.UTF8, type),
        };
        if (kubernetes.Credentials is { } credentials)
        {
            await credentials.ProcessHttpRequestAsync(request, cancellationToken);
        }

        return request;
    }

    private static CancellationTokenSource Limit(TimeSpan limit, CancellationToken cancellationToken)
    {
        var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        linked.CancelAfter(limit);
        return linked;
    }

    // Example: {"kind":"Status","status":"Failure","message":"pods \"a\" not found","reason":"NotFound","code":404}
    private static KubeException Refused(HttpStatusCode status, string path, string body)
    {
        try
        {
            var answer = JsonNode.Parse(body);
            return KubeException.From(
                status, (string?)answer?["reason"] ?? status.ToString(),
                (string?)answer?["message"] ?? $"{path} answered {(int)status}.");
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException)
        {
            return KubeException.From(status, status.ToString(), $"{path} answered {(int)status}.");
        }
    }

    private static string Escape(string value) => Uri.EscapeDataString(value);
}
