using k8s;
using Kaito.Operator.Cluster;
using Kaito.Operator.Workspaces;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Kaito.Operator;

/// <summary>The whole operator on one page: what it registers, then what it serves.</summary>
internal static class OperatorApp
{
    /// <exception cref="k8s.Exceptions.KubeConfigException">The kubeconfig cannot be used.</exception>
    public static WebApplication Build(OperatorOptions options, Action<WebApplicationBuilder>? adjust = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.AddServiceDefaults();
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(Connect(options));
        builder.Services.AddSingleton<IKubeApi, KubeApi>();
        builder.Services.AddSingleton<OperatorMetrics>();
        builder.Services.AddSingleton<OperatorStatus>();
        builder.Services.AddSingleton<WorkQueue>();
        builder.Services.AddSingleton<EventRecorder>();
        builder.Services.AddSingleton<WorkspaceObserver>();
        builder.Services.AddSingleton<WorkspaceReconciler>();
        builder.Services.AddHostedService<OperatorService>();
        adjust?.Invoke(builder);

        var app = builder.Build();
        app.MapDefaultEndpoints();
        app.MapGet("/healthz", static () => "ok");
        app.MapGet("/readyz", Ready);
        app.MapGet("/health", Ready);
        app.MapGet("/metrics", Metrics);
        return app;
    }

    private static Kubernetes Connect(OperatorOptions options)
    {
        var configuration = options.Kubeconfig is { } path
            ? KubernetesClientConfiguration.BuildConfigFromConfigFile(path)
            : KubernetesClientConfiguration.BuildDefaultConfig();
        configuration.UserAgent = "kaito-operator";
        return new Kubernetes(configuration);
    }

    // A replica that waits for the lease is ready too: it does what it is there for.
    private static ContentHttpResult Ready(OperatorStatus status) => status.Problem is { } problem
        ? TypedResults.Text(problem + "\n", statusCode: StatusCodes.Status503ServiceUnavailable)
        : TypedResults.Text("ok\n");

    private static ContentHttpResult Metrics(OperatorMetrics metrics, WorkQueue queue, WorkspaceObserver observer) =>
        TypedResults.Text(
            metrics.Render(queue.Depth, observer.All.GroupBy(Phase).ToDictionary(static g => g.Key, static g => g.Count())),
            "text/plain; version=0.0.4");

    private static string Phase(Core.Api.WorkspaceResource workspace)
    {
        if (workspace.Metadata.DeletionTimestamp is not null)
        {
            return "deleting";
        }

        var succeeded = (workspace.Status?.Conditions ?? [])
            .FirstOrDefault(static c => c.Type == Core.Api.ConditionTypes.WorkspaceSucceeded);
        return (succeeded?.Status, workspace.Status?.State) switch
        {
            ("True", _) => "succeeded",
            (_, Core.Api.WorkspaceStates.Failed or Core.Api.WorkspaceStates.NotReady) => "error",
            _ => "pending",
        };
    }
}
