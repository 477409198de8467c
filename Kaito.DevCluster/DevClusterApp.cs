using System.Net;
using Kaito.DevCluster.Admission;
using Kaito.DevCluster.Api;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster;

/// <summary>The dev cluster on one page: what it registers, then what it serves.</summary>
internal static class DevClusterApp
{
    public static WebApplication Build(string[] args, Action<WebApplicationBuilder>? adjust = null)
    {
        var builder = WebApplication.CreateSlimBuilder(args);
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);

        // A start that fails is told in one sentence by Program.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        // One that fails is logged; the API and the other controllers go on.
        builder.Services.Configure<HostOptions>(static host =>
            host.BackgroundServiceExceptionBehavior = BackgroundServiceExceptionBehavior.Ignore);
        var options = DevClusterOptions.Read(builder.Configuration);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(options);
        builder.Services.AddClusterStore();
        builder.Services.AddKubernetesApi();
        builder.Services.AddDevClusterControllers(builder.Configuration);
        adjust?.Invoke(builder);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            var access = kestrel.ApplicationServices.GetRequiredService<ClusterAccess>();
            foreach (var address in ListenAddress.Parse(options.Listen))
            {
                kestrel.Listen(IPAddress.Loopback, address.Port, listen =>
                {
                    if (address.Tls)
                    {
                        listen.UseHttps(access.Certificate);
                    }
                });
            }
        });

        var app = builder.Build();
        app.MapKubernetesApi();
        return app;
    }

    /// <summary>Starts listening and writes the kubeconfig; a start that fails says what to change.</summary>
    public static async Task StartAsync(WebApplication app, CancellationToken cancellationToken)
    {
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (IOException failed) when (failed.InnerException is Microsoft.AspNetCore.Connections.AddressInUseException)
        {
            var options = app.Services.GetRequiredService<DevClusterOptions>();
            throw new DevClusterStartException(
                $"--listen: an address of \"{options.Listen}\" is in use ({failed.Message}) "
                + "Stop the other process, or choose another port, for example --listen https://127.0.0.1:0.",
                failed);
        }

        app.Services.GetRequiredService<KubeconfigFile>().Write();
    }

    private static void AddClusterStore(this IServiceCollection services)
    {
        services.AddSingleton<ResourceCatalog>();
        services.AddSingleton<IObjectRules, ObjectRules>();
        services.AddHostedService<ContentRemoval>();
        services.AddSingleton<IClusterStore>(static provider =>
        {
            var store = ActivatorUtilities.CreateInstance<ClusterStore>(provider);
            ClusterStart.Fill(store);
            return store;
        });
    }

    private static void AddKubernetesApi(this IServiceCollection services)
    {
        services.AddSingleton<ClusterAccess>();
        services.AddSingleton<KubeconfigFile>();
        services.AddSingleton<PassThrough>();
        services.AddSingleton<WebhookClient>();
        services.AddSingleton<ValidatingAdmission>();
        services.AddSingleton<ResourceEndpoints>();
    }
}
