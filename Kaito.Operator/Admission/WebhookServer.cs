using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Kaito.Operator.Cluster;
using ListenOptions = Microsoft.AspNetCore.Server.Kestrel.Core.ListenOptions;

namespace Kaito.Operator.Admission;

/// <summary>
/// Answers the API server over HTTPS on a port of its own, on every replica, and keeps the certificate. The certificate
/// is chosen for each connection, so that a new one needs no restart.
/// </summary>
internal sealed partial class WebhookServer(
    OperatorOptions options, OperatorStatus status, AdmissionAnswers answers, WebhookCertificates certificates,
    CertificateTimes times, TimeProvider clock, ILogger<WebhookServer> logger) : BackgroundService
{
    // An object and the one before, each of at most what etcd stores, as JSON.
    private const long MaxRequestBytes = 8 << 20;

    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(30);

    private WebApplication? _listener;

    /// <summary>Where the API server finds this process; null before the start.</summary>
    public WebhookAddress? Address { get; private set; }

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        status.WebhookProblem = "the webhooks have no certificate yet";
        _listener = Listener();
        try
        {
            await _listener.StartAsync(cancellationToken);
        }
        catch (Exception wrong) when (wrong is IOException or SocketException)
        {
            throw new StartException(
                $"--webhook-port {options.WebhookPort}: {wrong.Message} Stop the process that has the port, or choose "
                + "another.");
        }

        var port = options.WebhookHost is null ? options.WebhookPort : new Uri(_listener.Urls.First()).Port;
        Address = new(options.WebhookHost, options.WebhookService, options.Namespace, port);
        await base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (_listener is { } listener)
        {
            await listener.StopAsync(cancellationToken);
        }
    }

    public override void Dispose()
    {
        (_listener as IDisposable)?.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var pause = s_firstPause;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await certificates.KeepAsync(Address!, stoppingToken);
                status.WebhookProblem = null;
                pause = s_firstPause;
                await Task.Delay(times.Check, clock, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception wrong) when (
                wrong is KubeException or HttpRequestException or TimeoutException or IOException or JsonException)
            {
                // With a certificate that still counts the webhooks go on.
                status.WebhookProblem = certificates.Current is null
                    ? $"the webhooks have no certificate: {wrong.Message}"
                    : null;
                LogFailed(wrong is KubeForbiddenException
                    ? $"{wrong.Message} Next: kubectl apply -k deploy/manifests brings back what is missing."
                    : wrong.Message);
                await Task.Delay(pause, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
            }
        }
    }

    private WebApplication Listener()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MaxRequestBytes;
            var loopback = IPAddress.TryParse(options.WebhookHost, out var address) && IPAddress.IsLoopback(address);
            if (loopback)
            {
                kestrel.Listen(address!, options.WebhookPort, Secured);
            }
            else
            {
                kestrel.ListenAnyIP(options.WebhookPort, Secured);
            }
        });
        var app = builder.Build();
        app.MapPost(WebhookRegistration.WorkspacePath, http => AnswerAsync(http, answers.Workspace));
        app.MapPost(WebhookRegistration.InferenceSetPath, http => AnswerAsync(http, answers.InferenceSet));
        app.MapPost(WebhookRegistration.RagEnginePath, http => AnswerAsync(http, answers.RagEngine));
        return app;
    }

    private void Secured(ListenOptions listen) => listen.UseHttps(
        https => https.ServerCertificateSelector = (_, _) => certificates.Current);

    private static async Task AnswerAsync(HttpContext http, Func<AdmissionRequest, AdmissionReview> answer)
    {
        try
        {
            var review = await JsonSerializer.DeserializeAsync(
                http.Request.Body, AdmissionJson.Default.AdmissionReview, http.RequestAborted);
            if (review?.Request is not { Uid: { Length: > 0 } } request)
            {
                await RefuseAsync(http, "The body is no AdmissionReview: request.uid is missing.");
                return;
            }

            http.Response.ContentType = "application/json";
            await JsonSerializer.SerializeAsync(
                http.Response.Body, answer(request), AdmissionJson.Default.AdmissionReview, http.RequestAborted);
        }
        catch (JsonException wrong)
        {
            await RefuseAsync(http, $"The body is no AdmissionReview: {wrong.Message}");
        }
        catch (BadHttpRequestException wrong)
        {
            http.Response.StatusCode = wrong.StatusCode;
        }
    }

    private static Task RefuseAsync(HttpContext http, string message)
    {
        http.Response.StatusCode = StatusCodes.Status400BadRequest;
        return http.Response.WriteAsync(message, http.RequestAborted);
    }

    [LoggerMessage(LogLevel.Warning, "The webhooks' certificate could not be looked after: {Problem}")]
    private partial void LogFailed(string problem);
}
