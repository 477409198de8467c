using System.Collections.Immutable;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Cluster;

/// <summary>The API server over HTTP. Every request but a watch ends within 30 seconds.</summary>
internal sealed class KubeApi(Kubernetes kubernetes) : IKubeApi
{
    private const string FieldManager = "fieldManager=kaito";
    private const string ApplyType = "application/apply-patch+yaml";
    private const string MergeType = "application/merge-patch+json";
    private const string JsonType = "application/json";
    private const int WatchSeconds = 300;
    private static readonly TimeSpan s_requestLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_watchLimit = TimeSpan.FromSeconds(WatchSeconds + 30);

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

    public async Task<KubeList<T>> ListAsync<T>(
        KubeKind<T> kind, string? space, string? labelSelector, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        var path = kind.Collection(space) + (labelSelector is null ? "" : $"?labelSelector={Escape(labelSelector)}");
        var json = await SendAsync(HttpMethod.Get, path, null, JsonType, cancellationToken);
        using var document = JsonDocument.Parse(json);
        var root = document.RootElement;
        var items = root.TryGetProperty("items", out var found) && found.ValueKind == JsonValueKind.Array
            ? found.EnumerateArray().Select(item => ObjectReader.Read(item, kind)).ToImmutableArray()
            : [];
        return new(root.GetProperty("metadata").GetProperty("resourceVersion").GetString() ?? "0", items);
    }

    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(
        KubeKind<T> kind, string? labelSelector, string resourceVersion,
        [EnumeratorCancellation] CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        var path = $"{kind.Collection(null)}?watch=true&allowWatchBookmarks=true&timeoutSeconds={WatchSeconds}"
            + $"&resourceVersion={Escape(resourceVersion)}"
            + (labelSelector is null ? "" : $"&labelSelector={Escape(labelSelector)}");
        using var limit = Limit(s_watchLimit, cancellationToken);
        using var request = await RequestAsync(HttpMethod.Get, path, null, JsonType, limit.Token);
        using var response = await kubernetes.HttpClient.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
        if (!response.IsSuccessStatusCode)
        {
            throw Refused(response.StatusCode, path, await response.Content.ReadAsStringAsync(limit.Token));
        }

        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(limit.Token));
        while (await reader.ReadLineAsync(limit.Token) is { } line)
        {
            if (line.Length > 0)
            {
                yield return Step(line, kind, path);
            }
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

    private static WatchEvent<T> Step<T>(string line, KubeKind<T> kind, string path)
        where T : class, IKubeObject
    {
        using var document = JsonDocument.Parse(line);
        var type = document.RootElement.GetProperty("type").GetString();
        var body = document.RootElement.GetProperty("object");
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
            throw new TimeoutException($"{method} {path} timed out after {s_requestLimit.TotalSeconds} s.");
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
