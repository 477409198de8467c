using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Operator.Cluster;
using Kaito.Operator.Workspaces;

namespace Kaito.Operator;

/// <summary>Whether the operator does its work, and what keeps it from it.</summary>
internal sealed class OperatorStatus
{
    private volatile string? _problem = "starting";

    /// <summary>Null when there is none.</summary>
    public string? Problem
    {
        get => _problem;
        set => _problem = value;
    }
}

/// <summary>CRDs, then the lease, then the controllers; a failure that cannot be waited out ends the process.</summary>
internal sealed partial class OperatorService(
    IServiceProvider services, OperatorOptions options, OperatorStatus status,
    IHostApplicationLifetime lifetime, ILogger<OperatorService> logger) : BackgroundService
{
    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(500);
    private readonly IKubeApi _api = services.GetRequiredService<IKubeApi>();
    private readonly TimeProvider _clock = services.GetRequiredService<TimeProvider>();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await InstallAsync(stoppingToken);
            if (options.LeaderElect)
            {
                status.Problem = null;
                await Election().RunAsync(LeadAsync, stoppingToken);
            }
            else
            {
                await LeadAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Asked to stop.
        }
        catch (Exception wrong)
        {
            LogStopped(wrong);
            status.Problem = wrong.Message;
            Environment.ExitCode = 1;
            lifetime.StopApplication();
        }
    }

    private LeaderElection Election()
    {
        var random = Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(8));
        return new(
            _api, new(options.Namespace, "kaito-workspace-operator"), $"{Environment.MachineName}_{random}", _clock,
            services.GetRequiredService<ILogger<LeaderElection>>());
    }

    private async Task LeadAsync(CancellationToken stoppingToken)
    {
        var observer = services.GetRequiredService<WorkspaceObserver>();
        var metrics = services.GetRequiredService<OperatorMetrics>();
        var controller = new Controller(
            "workspace", observer.Informers, services.GetRequiredService<WorkQueue>(),
            services.GetRequiredService<WorkspaceReconciler>().ReconcileAsync, new(_clock, metrics, logger));
        var synced = Task.WhenAll(observer.Informers.Select(static i => i.Synced))
            .ContinueWith(
                _ => status.Problem = null, stoppingToken, TaskContinuationOptions.OnlyOnRanToCompletion,
                TaskScheduler.Default);
        status.Problem ??= "reading the cluster";
        await Task.WhenAll(
            controller.RunAsync(stoppingToken), services.GetRequiredService<EventRecorder>().RunAsync(stoppingToken));
        GC.KeepAlive(synced);
    }

    private async Task InstallAsync(CancellationToken stoppingToken)
    {
        foreach (var crd in options.InstallCrds ? Crds.All : [])
        {
            await InstallAsync(crd, stoppingToken);
        }
    }

    private async Task InstallAsync(CrdManifest crd, CancellationToken stoppingToken)
    {
        var path = $"apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd.Name}";
        var applied = false;
        while (true)
        {
            try
            {
                if (!applied)
                {
                    await _api.ApplyAsync(path, crd.Json, stoppingToken);
                    applied = true;
                }

                if (Established(await _api.GetAsync(path, stoppingToken)))
                {
                    LogInstalled(crd.Name);
                    return;
                }
            }
            catch (Exception wrong) when (wrong is HttpRequestException or TimeoutException
                || wrong is KubeException { Status: >= System.Net.HttpStatusCode.InternalServerError })
            {
                status.Problem = $"The API server cannot be reached: {wrong.Message}";
                LogWaiting(wrong.Message);
            }

            await Task.Delay(applied ? TimeSpan.FromMilliseconds(50) : s_retry, _clock, stoppingToken);
        }
    }

    private static bool Established(JsonNode? crd) => crd?["status"]?["conditions"] is JsonArray conditions
        && conditions.Any(static c => (string?)c?["type"] == "Established" && (string?)c["status"] == "True");

    [LoggerMessage(LogLevel.Information, "CRD {Name} is established")]
    private partial void LogInstalled(string name);

    [LoggerMessage(LogLevel.Warning, "The API server cannot be reached yet: {Problem}")]
    private partial void LogWaiting(string problem);

    [LoggerMessage(LogLevel.Critical, "The operator stops")]
    private partial void LogStopped(Exception wrong);
}
