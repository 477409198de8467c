using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;
using Kaito.Operator.Rendering;

namespace Kaito.Operator.InferenceSets;

/// <summary>The page /metrics of a serving pod: at its address, or through the API server where that leads nowhere.</summary>
internal sealed partial class PodMetrics : IDisposable
{
    private const int MostBytes = 4 << 20;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(3);

    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        ConnectTimeout = s_limit,
        PooledConnectionLifetime = TimeSpan.FromMinutes(1),
    })
    {
        MaxResponseContentBufferSize = MostBytes,
        Timeout = s_limit,
    };

    private readonly IKubeApi _api;
    private readonly bool _throughServer;
    private readonly ILogger<PodMetrics> _logger;

    public PodMetrics(IKubeApi api, OperatorOptions options, ILogger<PodMetrics> logger) =>
        (_api, _throughServer, _logger) = (api, options.PodMetricsThroughServer, logger);

    /// <summary>The text, or null when the pod does not answer with one within three seconds.</summary>
    public async Task<string?> ReadAsync(Pod pod, CancellationToken cancellationToken)
    {
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(s_limit);
            return _throughServer
                ? await _api.ReadTextAsync(
                    $"api/v1/namespaces/{pod.Metadata.Namespace}/pods/{pod.Metadata.Name}:{InferenceWorkload.Port}/proxy/metrics",
                    limit.Token)
                : Address(pod) is { } address ? await _http.GetStringAsync(address, limit.Token) : null;
        }
        catch (Exception wrong) when (wrong is HttpRequestException or KubeException or IOException or TimeoutException
            || (wrong is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            LogSilent(pod.Metadata.Namespace, pod.Metadata.Name, wrong.Message);
            return null;
        }
    }

    public void Dispose() => _http.Dispose();

    // The kubelet writes the address: it is one, or the pod is not asked.
    private static Uri? Address(Pod pod) => IPAddress.TryParse(pod.Status?.PodIP, out var ip)
        ? new(string.Create(
            CultureInfo.InvariantCulture,
            $"http://{(ip.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{ip}]" : ip)}:{InferenceWorkload.Port}/metrics"))
        : null;

    [LoggerMessage(LogLevel.Debug, "Pod {Namespace}/{Pod} does not tell its load: {Problem}")]
    private partial void LogSilent(string? @namespace, string? pod, string problem);
}
