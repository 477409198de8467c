using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Nodes;
using Kaito.DevCluster.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Kaito.Benchmarks.Scale;

/// <summary>The dev cluster's API and cloud; no pod runs, and each workload says at once that all of its pods do.</summary>
internal sealed class ScaleCluster : IScaleCluster
{
    private static readonly GroupResource s_workspaces = GroupResource.Parse("workspaces.kaito.sh");

    private readonly WebApplication _app;
    private readonly IClusterStore _store;
    private readonly CancellationTokenSource _stop = new();
    private readonly HashSet<string> _ready = [];
    private readonly Task _counting;

    private ScaleCluster(WebApplication app, string kubeconfig)
    {
        (_app, Kubeconfig) = (app, kubeconfig);
        _store = app.Services.GetRequiredService<IClusterStore>();
        _counting = Watching.RunAsync(
            _store, s_workspaces, Look, TimeProvider.System,
            app.Services.GetRequiredService<ILogger<ScaleCluster>>(), _stop.Token);
    }

    public string Kubeconfig { get; }

    /// <summary>Workspaces that are ready.</summary>
    public int Ready
    {
        get
        {
            lock (_ready)
            {
                return _ready.Count;
            }
        }
    }

    public static async Task<ScaleCluster> StartAsync(string folder, CancellationToken cancellationToken)
    {
        var app = DevClusterApp.Build(["--state-dir", folder, "--listen", "https://127.0.0.1:0"], Reduce);
        await DevClusterApp.StartAsync(app, cancellationToken);
        return new(app, Path.Combine(folder, "kubeconfig"));
    }

    public Task CreateAsync(JsonObject item, CancellationToken cancellationToken)
    {
        _store.Create((string)item["kind"]! switch
        {
            "Secret" => Resources.Secrets,
            "ConfigMap" => Resources.ConfigMaps,
            "Pod" => Resources.Pods,
            _ => s_workspaces,
        }, "default", item);
        return Task.CompletedTask;
    }

    public Task<long> WritesAsync(CancellationToken cancellationToken) => Task.FromResult(_store.ResourceVersion);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _counting;
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
        _stop.Dispose();
    }

    private static void Reduce(WebApplicationBuilder builder)
    {
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        foreach (var hosted in builder.Services.Where(static s => s.ServiceType == typeof(IHostedService)
            && s.ImplementationType?.Namespace?.StartsWith("Kaito.", StringComparison.Ordinal) == true).ToArray())
        {
            builder.Services.Remove(hosted);
        }

        builder.Services.AddHostedService<NodeSetup>();
        builder.Services.AddHostedService<ControllerLoop<NodeClaimReconciler>>();
        builder.Services.AddSingleton<ReadyWorkloads>();
        builder.Services.AddHostedService<ControllerLoop<ReadyWorkloads>>();
    }

    private void Look(WatchEvent change)
    {
        lock (_ready)
        {
            if (change.Type != WatchEventType.Deleted && change.Object.Text("status", "state") == "Ready")
            {
                _ready.Add(change.Object.Name);
            }
            else
            {
                _ready.Remove(change.Object.Name);
            }
        }
    }
}

/// <summary>Says of each StatefulSet that its pods are ready.</summary>
internal sealed class ReadyWorkloads(IClusterStore store) : IReconciler
{
    public string Name => "ready-workloads";

    public ImmutableArray<WatchRule> Watches => [WatchRule.Itself(Resources.StatefulSets)];

    public TimeSpan? Reconcile(ObjectKey key)
    {
        if (store.Get(key) is { } set)
        {
            var replicas = set.Number("spec", "replicas") ?? 1;
            var status = new JsonObject
            {
                ["replicas"] = replicas,
                ["readyReplicas"] = replicas,
                ["observedGeneration"] = set.At("metadata", "generation")?.DeepClone(),
                ["currentRevision"] = "1",
                ["updateRevision"] = "1",
            };
            if (!JsonNode.DeepEquals(status, set.At("status")))
            {
                store.ModifyStatus(key, stored => stored["status"] = status.DeepClone());
            }
        }

        return null;
    }
}
