using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting;

/// <summary>A built application: runs its resources, or publishes them.</summary>
public partial class DistributedApplication : IHost, IAsyncDisposable
{
    private readonly IHost _host;

    /// <param name="host">The host that carries the resources' services.</param>
    public DistributedApplication(IHost host) => _host = host;

    /// <summary>Services of the AppHost process.</summary>
    public IServiceProvider Services => _host.Services;

    /// <summary>States of the resources, and waits for them.</summary>
    public ResourceNotificationService ResourceNotifications =>
        Services.GetRequiredService<ResourceNotificationService>();

    /// <summary>A builder without arguments.</summary>
    public static IDistributedApplicationBuilder CreateBuilder() => CreateBuilder([]);

    /// <summary>A builder that reads the command line.</summary>
    public static IDistributedApplicationBuilder CreateBuilder(string[] args) =>
        new DistributedApplicationBuilder(args);

    /// <summary>A builder with options.</summary>
    public static IDistributedApplicationBuilder CreateBuilder(DistributedApplicationOptions options) =>
        new DistributedApplicationBuilder(options);

    /// <summary>Runs until stopped by Ctrl+C or SIGTERM, or until the manifest is written.</summary>
    public void Run() => RunAsync().GetAwaiter().GetResult();

    /// <inheritdoc cref="Run"/>
    public virtual Task RunAsync(CancellationToken cancellationToken = default) =>
        HostingAbstractionsHostExtensions.RunAsync(this, cancellationToken);

    /// <inheritdoc/>
    public virtual async Task StartAsync(CancellationToken cancellationToken = default)
    {
        var running = Services.GetRequiredService<DistributedApplicationExecutionContext>().IsRunMode;
        var logger = Services.GetRequiredService<ILogger<DistributedApplication>>();
        if (running)
        {
            LogSubstitute(logger);
            LogStarting(logger);
            LogDirectory(logger, Services.GetRequiredService<IHostEnvironment>().ContentRootPath);
        }

        await _host.StartAsync(cancellationToken);
        if (running)
        {
            LogStarted(logger);
        }
    }

    /// <inheritdoc/>
    public virtual Task StopAsync(CancellationToken cancellationToken = default) => _host.StopAsync(cancellationToken);

    /// <inheritdoc/>
    public virtual void Dispose()
    {
        _host.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    public virtual async ValueTask DisposeAsync()
    {
        if (_host is IAsyncDisposable disposable)
        {
            await disposable.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    [LoggerMessage(LogLevel.Information, "AppHost on compat/Aspire.Hosting, which is not the Aspire package")]
    private static partial void LogSubstitute(ILogger logger);

    [LoggerMessage(LogLevel.Information, "Distributed application starting.")]
    private static partial void LogStarting(ILogger logger);

    [LoggerMessage(LogLevel.Information, "Application host directory is: {Directory}")]
    private static partial void LogDirectory(ILogger logger, string directory);

    [LoggerMessage(LogLevel.Information, "Distributed application started. Press Ctrl+C to shut down.")]
    private static partial void LogStarted(ILogger logger);
}

/// <summary>Start-up options of an AppHost.</summary>
public sealed class DistributedApplicationOptions
{
    /// <summary>Command line.</summary>
    public string[]? Args { get; set; }

    /// <summary>Assembly of the AppHost; the entry assembly when not set.</summary>
    public string? AssemblyName { get; set; }

    /// <summary>Folder of the AppHost project; read from the assembly's metadata when not set.</summary>
    public string? ProjectDirectory { get; set; }
}

/// <summary>The application model as it was built.</summary>
public class DistributedApplicationModel(IEnumerable<IResource> resources)
{
    /// <summary>Every resource, in the order added.</summary>
    public IResourceCollection Resources { get; } = new ResourceCollection(resources);
}

/// <summary>What a start of the AppHost is for.</summary>
public enum DistributedApplicationOperation
{
    /// <summary>Run the resources on this machine.</summary>
    Run = 0,

    /// <summary>Write deployment artifacts.</summary>
    Publish = 1,
}

/// <summary>Tells code in the AppHost whether it runs or publishes.</summary>
public class DistributedApplicationExecutionContext(DistributedApplicationOperation operation)
{
    /// <summary>The operation.</summary>
    public DistributedApplicationOperation Operation { get; } = operation;

    /// <summary>True while running.</summary>
    public bool IsRunMode => Operation == DistributedApplicationOperation.Run;

    /// <summary>True while publishing.</summary>
    public bool IsPublishMode => Operation == DistributedApplicationOperation.Publish;
}

/// <summary>The application model is wrong, or a resource cannot be resolved.</summary>
public class DistributedApplicationException : Exception
{
    /// <summary>Without a message.</summary>
    public DistributedApplicationException()
    {
    }

    /// <param name="message">What is wrong and what would be right.</param>
    public DistributedApplicationException(string message)
        : base(message)
    {
    }

    /// <param name="message">What is wrong and what would be right.</param>
    /// <param name="inner">The cause.</param>
    public DistributedApplicationException(string message, Exception inner)
        : base(message, inner)
    {
    }
}

internal static class OperationMode
{
    private const string ManifestStep = "publish-manifest";

    /// <summary>Run or publish, from the command line; a request that only the real package can serve is refused.</summary>
    public static DistributedApplicationOperation Decide(IConfiguration configuration)
    {
        var publisher = configuration["Publishing:Publisher"];
        var step = configuration["Pipeline:Step"];
        var publish = configuration["AppHost:Operation"] switch
        {
            null => publisher is not null,
            var text when text.Equals("run", StringComparison.OrdinalIgnoreCase) => false,
            var text when text.Equals("publish", StringComparison.OrdinalIgnoreCase) => true,
            var text => throw new DistributedApplicationException(
                $"--operation '{text}' is unknown; use 'run' or 'publish'."),
        };
        if (publish && !string.Equals(publisher, "manifest", StringComparison.OrdinalIgnoreCase) && step != ManifestStep)
        {
            throw new DistributedApplicationException(
                $"--publisher '{publisher}' with --step '{step}' needs the real Aspire packages (KaitoFullFeed=true); "
                + $"here '--publisher manifest' and '--operation publish --step {ManifestStep}' work.");
        }

        return publish ? DistributedApplicationOperation.Publish : DistributedApplicationOperation.Run;
    }
}
