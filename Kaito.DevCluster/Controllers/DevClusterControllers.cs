using Kaito.DevCluster.Api;
using Kaito.DevCluster.Nodes;
using Kaito.DevCluster.Pods;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>Registers everything that reacts to the cluster's objects.</summary>
internal static class DevClusterControllers
{
    /// <summary>
    /// Adds the controllers, the simulated nodes and the pods. Needs <see cref="IClusterStore"/> and
    /// <see cref="TimeProvider"/>; reads <c>node-*</c>, <c>state-dir</c>, <c>Images:*</c>, <c>substitute-model</c> and
    /// <c>restart-backoff*</c>.
    /// </summary>
    public static IServiceCollection AddDevClusterControllers(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(ProvisioningOptions.Read(configuration));
        services.AddSingleton(PodOptions.Read(configuration));
        services.AddSingleton<EventRecorder>();
        services.AddHostedService<NodeSetup>();
        services.AddReconciler<NodeClaimReconciler>();
        services.AddReconciler<NodePoolReconciler>();
        services.AddReconciler<NodeClassReconciler>();
        services.AddReconciler<SchedulerReconciler>();
        services.AddReconciler<LostPodReconciler>();
        services.AddReconciler<StatefulSetReconciler>();
        services.AddReconciler<ClaimBinder>();
        services.AddReconciler<ServiceReconciler>();
        services.AddReconciler<DeploymentReconciler>();
        services.AddReconciler<ReplicaSetReconciler>();
        services.AddReconciler<JobReconciler>();
        services.AddReconciler<NamespaceReconciler>();
        services.AddHostedService<GarbageCollector>();
        return services.AddPods();
    }

    private static IServiceCollection AddPods(this IServiceCollection services)
    {
        services.AddSingleton<ProcessLauncher>();
        services.AddSingleton<ProbeRunner>();
        services.AddSingleton<PodHostSettings>();
        services.AddHostedService<PodHost>();
        services.AddSingleton<IPodLogs, PodLogs>();
        services.AddSingleton<ServiceEndpoints>();
        services.AddSingleton<IServiceEndpoints>(static provider => provider.GetRequiredService<ServiceEndpoints>());
        services.AddHostedService<ServiceProxy>();
        return services;
    }

    private static void AddReconciler<T>(this IServiceCollection services)
        where T : class, IReconciler
    {
        services.AddSingleton<T>();
        services.AddHostedService<ControllerLoop<T>>();
    }
}
