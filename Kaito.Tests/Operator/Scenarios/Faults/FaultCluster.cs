using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.DevCluster;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Nodes;
using Kaito.DevCluster.Pods;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;
using Kaito.Operator;
using Kaito.Operator.Admission;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using EventRecorder = Kaito.DevCluster.Controllers.EventRecorder;

namespace Kaito.Tests.Operator.Scenarios.Faults;

/// <summary>
/// The dev cluster with a cloud and a kubelet that fail as they are told, and the operator against it over HTTPS, with a
/// clock that can be moved on. One for all rows of a class, each of which has a namespace of its own.
/// </summary>
public class FaultCluster : IAsyncLifetime
{
    private static readonly GroupResource s_workspaces = GroupResource.Parse("workspaces.kaito.sh");
    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(10);
    private readonly ScratchFolder _folder = new();
    private readonly WebApplication _cluster;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<JsonObject> _history = new();
    private readonly ConcurrentDictionary<HttpContext, bool> _watches = new();
    private readonly OperatorOptions _options;
    private WebApplication? _operator;
    private Task _recording = Task.CompletedTask;
    private int _rows;
    private int _silent;

    public FaultCluster()
        : this(new())
    {
    }

    private protected FaultCluster(OperatorOptions options)
    {
        _options = options;
        _cluster = DevClusterApp.Build(
            ["--state-dir", _folder.Root, "--listen", "https://127.0.0.1:0", "--restart-backoff", "10ms"], Break);
        _cluster.Use(AnswerAsync);
        Store = _cluster.Services.GetRequiredService<IClusterStore>();
    }

    internal IClusterStore Store { get; }

    internal EventRecorder Events => _cluster.Services.GetRequiredService<EventRecorder>();

    internal Trouble Trouble { get; } = new();

    internal ShiftedTime Clock { get; } = new();

    internal FaultLog Log { get; } = new();

    /// <summary>Answers the operator in place of the API server; false lets a request through.</summary>
    internal Func<HttpContext, Task<bool>>? Api { get; set; }

    /// <summary>Watches that a row has left without a word.</summary>
    internal int Silent => _silent;

    internal IServiceProvider Operator => _operator!.Services;

    /// <summary>Requests of the operator that change something, in order.</summary>
    internal ConcurrentQueue<string> Writes { get; } = new();

    /// <summary>An administrator has installed one kind of ours and not the others.</summary>
    private protected bool OnlyWorkspaces { get; init; }

    public async ValueTask InitializeAsync()
    {
        await DevClusterApp.StartAsync(_cluster, CancellationToken.None);
        if (OnlyWorkspaces)
        {
            Install("workspaces.kaito.sh");
        }

        await StartOperatorAsync();
        _recording = Task.Run(RecordAsync);
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await StopOperatorAsync();
        await _stop.CancelAsync();
        await _recording;
        await _cluster.StopAsync(CancellationToken.None);
        await _cluster.DisposeAsync();
        Log.Dispose();
        _stop.Dispose();
        _folder.Dispose();
    }

    internal async Task StartOperatorAsync()
    {
        _operator = OperatorApp.Build(
            _options with
            {
                Kubeconfig = _folder.Path("kubeconfig"),
                InstallCrds = !OnlyWorkspaces,
                StartTimeout = TimeSpan.FromMinutes(3),
            },
            builder =>
            {
                builder.WebHost.UseUrls("http://127.0.0.1:0");
                builder.Logging.ClearProviders().AddProvider(Log).SetMinimumLevel(LogLevel.Debug);
                builder.Services.Replace(ServiceDescriptor.Singleton<TimeProvider>(Clock));
                builder.Services.Replace(ServiceDescriptor.Singleton(CertificateTimes.Default with
                {
                    Check = TimeSpan.FromMilliseconds(100),
                    Handover = TimeSpan.FromMilliseconds(100),
                }));
            });
        await _operator.StartAsync(CancellationToken.None);
        var status = _operator.Services.GetRequiredService<OperatorStatus>();
        await UntilAsync(
            () => (status.Problem ?? status.WebhookProblem) is null, TimeSpan.FromSeconds(30),
            () => $"the operator is ready: {status.Problem} {status.WebhookProblem}");
    }

    /// <summary>
    /// Looks every 10 ms. The limit counts looks: on a computer that has no time for us it is longer, as everything is.
    /// </summary>
    internal static async Task UntilAsync(Func<bool> holds, TimeSpan limit, Func<string> what)
    {
        for (var looks = limit / s_step; !holds(); looks--)
        {
            Assert.True(looks > 0, $"Not within {limit.TotalSeconds} s: {what()}");
            await Task.Delay(s_step, TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }

    internal async Task StopOperatorAsync()
    {
        if (_operator is not null)
        {
            await _operator.StopAsync(CancellationToken.None);
            await _operator.DisposeAsync();
            _operator = null;
        }
    }

    internal void Install(string crd) => Store.Create(
        Resources.Definitions, null, JsonNode.Parse(Kaito.Core.Api.Crds.All.Single(c => c.Name == crd).Json)!.AsObject());

    /// <summary>Ends the operator's watches, as an API server that goes does.</summary>
    internal void CutWatches()
    {
        foreach (var watch in _watches.Keys)
        {
            watch.Abort();
        }
    }

    internal void CountSilent() => Interlocked.Increment(ref _silent);

    /// <summary>A namespace for one row.</summary>
    internal string NewNamespace(string prefix = "row")
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"{prefix}-{Interlocked.Increment(ref _rows)}");
        Store.Create(Resources.Namespaces, null, new()
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Namespace",
            ["metadata"] = new JsonObject { ["name"] = name },
        });
        return name;
    }

    /// <summary>Every version of the Workspaces of a namespace that was stored after the given one, in order.</summary>
    internal IEnumerable<JsonObject> History(string space, long after) =>
        _history.Where(w => w.Namespace == space && ObjectMeta.Version(w) > after);

    private void Break(WebApplicationBuilder builder)
    {
        builder.Logging.ClearProviders();
        foreach (var replaced in builder.Services.Where(static s => s.ServiceType == typeof(IHostedService)
            && (s.ImplementationType == typeof(PodHost) || s.ImplementationType == typeof(ControllerLoop<NodeClaimReconciler>)))
            .ToArray())
        {
            builder.Services.Remove(replaced);
        }

        builder.Services.AddSingleton(Trouble);
        builder.Services.AddSingleton<ObjectRules>();
        builder.Services.Replace(ServiceDescriptor.Singleton<IObjectRules, FaultyRules>());
        builder.Services.AddSingleton<FaultyCloud>();
        builder.Services.AddHostedService<ControllerLoop<FaultyCloud>>();
        builder.Services.AddSingleton<FaultyKubelet>();
        builder.Services.AddHostedService<ControllerLoop<FaultyKubelet>>();
    }

    private async Task AnswerAsync(HttpContext http, RequestDelegate next)
    {
        if (http.Request.Headers.UserAgent != "kaito-operator")
        {
            await next(http);
            return;
        }

        var watching = http.Request.Query.ContainsKey("watch");
        if (watching)
        {
            _watches[http] = true;
        }

        try
        {
            if (Api is { } api && await api(http))
            {
                return;
            }

            if (!HttpMethods.IsGet(http.Request.Method))
            {
                Writes.Enqueue($"{http.Request.Method} {http.Request.Path}");
            }

            await next(http);
        }
        finally
        {
            _watches.TryRemove(http, out _);
        }
    }

    private Task RecordAsync() => Watching.RunAsync(
        Store, s_workspaces, change => _history.Enqueue(change.Object.Copy()), TimeProvider.System,
        _cluster.Services.GetRequiredService<ILogger<FaultCluster>>(), _stop.Token);
}

/// <summary>What the operator logs.</summary>
internal sealed class FaultLog : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> _lines = new();

    public IEnumerable<string> Lines => _lines;

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter) => _lines.Enqueue($"{formatter(state, exception)} {exception}");

    public void Dispose()
    {
        // Holds nothing but memory.
    }
}
