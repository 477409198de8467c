using Kaito.Core.Api;
using Kaito.Operator.Cluster;
using Kaito.Operator.InferenceSets;
using Kaito.Operator.Models;
using Kaito.Operator.Nodes;
using Kaito.Operator.RagEngines;
using Kaito.Operator.Workspaces;

namespace Kaito.Operator;

/// <summary>The controllers, and what they look at and write with.</summary>
internal static class OperatorControllers
{
    /// <summary>Needs <see cref="IKubeApi"/>, <see cref="OperatorOptions"/>, <see cref="TimeProvider"/> and logging.</summary>
    public static IServiceCollection AddOperatorControllers(this IServiceCollection services)
    {
        services.AddSingleton<OperatorMetrics>();
        services.AddSingleton<WorkQueue>();
        services.AddSingleton<EventRecorder>();
        services.AddSingleton(static services => new Informer<WorkspaceResource>(
            services.GetRequiredService<IKubeApi>(), KubeKinds.Workspaces, null,
            services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILogger<WorkspaceObserver>>()));
        services.AddSingleton<NodeCopies>();
        services.AddSingleton(static services => new ModelHub(
            services.GetRequiredService<OperatorOptions>().ModelHub ?? new("http://localhost"), ModelHub.Client()));
        services.AddSingleton<ModelLookup>();
        services.AddSingleton<WorkspaceObserver>();
        services.AddSingleton<WorkspaceReconciler>();
        services.AddSingleton<InferenceSetObserver>();
        services.AddSingleton<PodMetrics>();
        services.AddSingleton(static services => new ReplicaLoads(
            replica => services.GetRequiredService<WorkspaceObserver>().PodsOf(replica),
            services.GetRequiredService<PodMetrics>().ReadAsync, services.GetRequiredService<TimeProvider>()));
        services.AddSingleton<InferenceSetReconciler>();
        services.AddSingleton<RagEngineObserver>();
        services.AddSingleton<RagEngineReconciler>();
        return services;
    }

    /// <summary>Runs them until cancelled.</summary>
    /// <param name="services">With what <see cref="AddOperatorControllers"/> adds.</param>
    /// <param name="logger">Of what all have in common.</param>
    /// <param name="synced">Called once, when the cluster has been read.</param>
    /// <param name="stoppingToken">Ends them.</param>
    public static Task RunAsync(
        IServiceProvider services, ILogger logger, Action synced, CancellationToken stoppingToken)
    {
        var shared = new ControllerServices(
            services.GetRequiredService<TimeProvider>(), services.GetRequiredService<OperatorMetrics>(), logger);
        var workspaces = services.GetRequiredService<WorkspaceObserver>();
        var sets = services.GetRequiredService<InferenceSetObserver>();
        var engines = services.GetRequiredService<RagEngineObserver>();
        return Controller.RunAsync(
            [
                new("workspace", workspaces.Informers, services.GetRequiredService<WorkQueue>(),
                    services.GetRequiredService<WorkspaceReconciler>().ReconcileAsync, shared),
                new("inferenceset", sets.Informers, sets.Queue,
                    services.GetRequiredService<InferenceSetReconciler>().ReconcileAsync, shared),
                new("ragengine", engines.Informers, engines.Queue,
                    services.GetRequiredService<RagEngineReconciler>().ReconcileAsync, shared),
            ],
            synced, stoppingToken);
    }
}
