using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Api;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Admission;

/// <summary>A webhook could not be asked, or made no sense; the message is for the user.</summary>
internal sealed class WebhookFailureException(string message) : Exception(message);

/// <summary>Asks webhooks over HTTPS, trusting only what each of them names.</summary>
internal sealed class WebhookClient(IServiceEndpoints endpoints, TimeProvider clock)
{
    private const int MaxAnswerBytes = 3 << 20;

    /// <summary>The <c>response</c> of the answer.</summary>
    /// <exception cref="WebhookFailureException">There is none.</exception>
    public async Task<JsonObject> AskAsync(Webhook webhook, JsonObject review, CancellationToken cancellationToken)
    {
        var target = Target(webhook);
        using var limit = new CancellationTokenSource(webhook.Timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            using var handler = Handler(webhook);
            using var client = new HttpClient(handler) { MaxResponseContentBufferSize = MaxAnswerBytes };
            using var body = new StringContent(review.ToJsonString(), Encoding.UTF8, "application/json");
            using var response = await client.PostAsync(target, body, either.Token);
            var text = await response.Content.ReadAsStringAsync(either.Token);
            return response.IsSuccessStatusCode
                ? Response(text, review.Text("request", "uid")!)
                : throw new WebhookFailureException($"it answered {(int)response.StatusCode}: {Short(text)}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Failed(target, "context deadline exceeded");
        }
        catch (Exception wrong) when (
            wrong is HttpRequestException or IOException or WebhookFailureException or CryptographicException)
        {
            throw Failed(target, wrong.InnerException?.Message ?? wrong.Message);
        }
    }

    private static WebhookFailureException Failed(Uri target, string why) =>
        new($"failed to call webhook: Post \"{target}\": {why}");

    private static Uri Target(Webhook webhook)
    {
        var service = webhook.Client["service"] as JsonObject;
        var text = service is null
            ? webhook.Client.Text("url") ?? ""
            : $"https://{service.Text("name")}.{service.Text("namespace")}.svc:{Port(service)}"
                + $"/{service.Text("path")?.TrimStart('/')}";
        var separator = text.Contains('?', StringComparison.Ordinal) ? '&' : '?';
        return Uri.TryCreate($"{text}{separator}timeout={webhook.Timeout.TotalSeconds}s", UriKind.Absolute, out var target)
            && target.Scheme == Uri.UriSchemeHttps
            ? target
            : throw new WebhookFailureException($"clientConfig: \"{text}\" is not an https address");
    }

    private static string Port(JsonObject service) =>
        (service.Number("port") ?? 443).ToString(CultureInfo.InvariantCulture);

    private SocketsHttpHandler Handler(Webhook webhook)
    {
        var trusted = Trusted(webhook.Client.Text("caBundle"));
        var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, errors) => trusted is null
            ? errors == SslPolicyErrors.None
            : certificate is X509Certificate2 shown
                && (errors & SslPolicyErrors.RemoteCertificateNameMismatch) == 0
                && Descends(shown, trusted);
        if (webhook.Client["service"] is JsonObject service)
        {
            handler.ConnectCallback = async (_, cancellationToken) =>
            {
                var name = service.Text("name") ?? "";
                var local = endpoints.FindService(service.Text("namespace") ?? "", name, Port(service))
                    ?? throw new WebhookFailureException($"no endpoints available for service \"{name}\"");
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(local.Host, local.Port, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            };
        }

        return handler;
    }

    private static X509Certificate2Collection? Trusted(string? bundle)
    {
        if (string.IsNullOrEmpty(bundle))
        {
            return null;
        }

        try
        {
            var trusted = new X509Certificate2Collection();
            trusted.ImportFromPem(Encoding.UTF8.GetString(Convert.FromBase64String(bundle)));
            return trusted;
        }
        catch (Exception wrong) when (wrong is FormatException or CryptographicException)
        {
            throw new WebhookFailureException("clientConfig.caBundle: no certificates in PEM");
        }
    }

    private static bool Descends(X509Certificate2 shown, X509Certificate2Collection trusted)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(trusted);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        return chain.Build(shown);
    }

    private static JsonObject Response(string text, string uid)
    {
        try
        {
            var answer = JsonNode.Parse(text) as JsonObject;
            if (answer.Text("apiVersion") != "admission.k8s.io/v1" || answer.Text("kind") != "AdmissionReview")
            {
                throw new WebhookFailureException(
                    $"expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got {Short(text)}");
            }

            return answer!["response"] is JsonObject response && response.Text("uid") == uid
                ? response
                : throw new WebhookFailureException($"expected response.uid=\"{uid}\", got {Short(text)}");
        }
        catch (JsonException)
        {
            throw new WebhookFailureException($"its answer is not JSON: {Short(text)}");
        }
    }

    private static string Short(string text) => text.Length <= 200 ? text : string.Concat(text.AsSpan(0, 200), "...");
}
