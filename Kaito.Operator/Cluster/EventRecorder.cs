using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Cluster;

/// <summary>Something worth telling the people who look at an object.</summary>
internal sealed record Occurrence(bool Warning, string Reason, string Message);

/// <summary>
/// Writes Events in the background; the same event about the same object at most once in ten minutes.
/// </summary>
internal sealed partial class EventRecorder(IKubeApi api, TimeProvider clock, ILogger<EventRecorder> logger)
{
    private const int Remembered = 2048;
    private static readonly TimeSpan s_window = TimeSpan.FromMinutes(10);

    // Events are for people: when the API server is slow the oldest ones may go, the reconcile must not wait.
    private readonly Channel<KubeEvent> _waiting = Channel.CreateBounded<KubeEvent>(
        new BoundedChannelOptions(256) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    private readonly Lock _gate = new();
    private readonly Dictionary<(string?, string, string), DateTimeOffset> _seen = [];

    public void Record(IKubeObject about, Occurrence what)
    {
        var now = clock.GetUtcNow();
        lock (_gate)
        {
            var key = (about.Metadata.Uid, what.Reason, what.Message);
            if (_seen.TryGetValue(key, out var before) && now - before < s_window)
            {
                return;
            }

            if (_seen.Count >= Remembered)
            {
                _seen.Clear();
            }

            _seen[key] = now;
        }

        _waiting.Writer.TryWrite(Render(about, what, now));
    }

    public async Task RunAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var next in _waiting.Reader.ReadAllAsync(stoppingToken))
            {
                await WriteAsync(next, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    private static KubeEvent Render(IKubeObject about, Occurrence what, DateTimeOffset now)
    {
        var text = $"{about.Metadata.Uid}/{what.Reason}/{what.Message}/{now.Ticks}";
        var id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16];
        var second = now.AddTicks(-(now.Ticks % TimeSpan.TicksPerSecond));
        return new()
        {
            Metadata = new()
            {
                Name = $"{about.Metadata.Name}.{id}",
                Namespace = about.Metadata.Namespace ?? "default",
            },
            InvolvedObject = new()
            {
                ApiVersion = about.ApiVersion,
                Kind = about.Kind,
                Namespace = about.Metadata.Namespace,
                Name = about.Metadata.Name,
                Uid = about.Metadata.Uid,
            },
            Reason = what.Reason,
            Message = what.Message,
            Type = what.Warning ? "Warning" : "Normal",
            Source = new() { Component = "kaito" },
            FirstTimestamp = second,
            LastTimestamp = second,
            Count = 1,
        };
    }

    private async Task WriteAsync(KubeEvent next, CancellationToken stoppingToken)
    {
        try
        {
            await api.CreateAsync(KubeKinds.Events, next, stoppingToken);
        }
        catch (Exception wrong) when (wrong is KubeException or HttpRequestException or TimeoutException)
        {
            LogLost(next.Reason, wrong.Message);
        }
    }

    [LoggerMessage(LogLevel.Debug, "Event {Reason} could not be written: {Problem}")]
    private partial void LogLost(string? reason, string problem);
}
