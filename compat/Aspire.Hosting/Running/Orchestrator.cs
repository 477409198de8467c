using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Running;

/// <summary>Starts every resource once its waits are over, and stops them in the reverse order.</summary>
internal sealed partial class Orchestrator(
    DistributedApplicationModel model,
    DistributedApplicationExecutionContext execution,
    ResourceNotificationService notifications,
    ResourceLog log,
    IHostEnvironment environment,
    TimeProvider time,
    ILogger<Orchestrator> logger) : IHostedService, IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly Dictionary<IResource, Task> _runs = [];
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(5) };

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var resource in model.Resources)
        {
            AllocateEndpoints(resource);
            await notifications.PublishUpdateAsync(
                resource, static snapshot => snapshot with { State = new(KnownResourceStates.NotStarted, null) });
        }

        foreach (var resource in model.Resources)
        {
            _runs[resource] = Task.Run(() => RunResourceAsync(resource), CancellationToken.None);
        }
    }

    // Dependents stop before what they depend on: each run waits for its dependents below.
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_runs.Values).WaitAsync(cancellationToken);
    }

    public void Dispose()
    {
        _stopping.Dispose();
        _http.Dispose();
    }

    private static void AllocateEndpoints(IResource resource)
    {
        foreach (var endpoint in resource.Annotations.OfType<EndpointAnnotation>())
        {
            // What a container listens on is inside it.
            var own = resource is ContainerResource ? null : endpoint.TargetPort;
            endpoint.AllocatedEndpoint = new(endpoint, "127.0.0.1", endpoint.Port ?? own ?? FreePort());
        }
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private async Task RunResourceAsync(IResource resource)
    {
        try
        {
            await WaitForDependenciesAsync(resource);
            await RunProcessAsync(resource);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            await SetStateAsync(resource, KnownResourceStates.Exited);
        }
        catch (Exception failure) when (failure is DistributedApplicationException or InvalidOperationException
            or Win32Exception or IOException)
        {
            LogFailedToStart(resource.Name, failure.Message);
            await SetStateAsync(resource, KnownResourceStates.FailedToStart);
        }
    }

    private async Task WaitForDependenciesAsync(IResource resource)
    {
        var waits = resource.Annotations.OfType<WaitAnnotation>().ToArray();
        if (waits.Length > 0)
        {
            await SetStateAsync(resource, KnownResourceStates.Waiting);
        }

        foreach (var wait in waits)
        {
            var reached = await notifications.WaitForResourceAsync(
                wait.Resource.Name, change => IsOver(wait.WaitType, change.Snapshot), _stopping.Token);
            ThrowIfUnavailable(wait, reached.Snapshot);
        }
    }

    private static bool IsOver(WaitType wait, CustomResourceSnapshot snapshot) =>
        KnownResourceStates.TerminalStates.Contains(snapshot.State?.Text)
        || wait switch
        {
            WaitType.WaitUntilHealthy => snapshot.HealthStatus == HealthStatus.Healthy,
            WaitType.WaitUntilStarted => snapshot.State?.Text == KnownResourceStates.Running,
            _ => false,
        };

    private static void ThrowIfUnavailable(WaitAnnotation wait, CustomResourceSnapshot snapshot)
    {
        if (!KnownResourceStates.TerminalStates.Contains(snapshot.State?.Text)
            || (wait.WaitType == WaitType.WaitForCompletion && snapshot.ExitCode == wait.ExitCode))
        {
            return;
        }

        throw new DistributedApplicationException(
            $"it waits for '{wait.Resource.Name}', which is {snapshot.State?.Text} (exit code {snapshot.ExitCode?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "none"}); "
            + "its output above says why.");
    }

    private async Task RunProcessAsync(IResource resource)
    {
        await SetStateAsync(resource, KnownResourceStates.Starting);
        var spec = await Launch.SpecAsync(resource, execution, environment.ContentRootPath, _stopping.Token);
        using var process = ResourceProcess.Start(spec, log);
        var checks = resource.Annotations.OfType<HttpHealthCheck>().ToArray();
        await notifications.PublishUpdateAsync(resource, snapshot => snapshot with
        {
            State = new(KnownResourceStates.Running, null),
            HealthStatus = checks.Length == 0 ? HealthStatus.Healthy : HealthStatus.Unhealthy,
            Urls = [.. resource.Annotations.OfType<EndpointAnnotation>()
                .Select(static endpoint => new UrlSnapshot(endpoint.Name, endpoint.AllocatedEndpoint!.UriString, false))],
        });

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        var watching = WatchHealthAsync(resource, checks, ended.Token);
        try
        {
            await process.WaitForExitAsync(_stopping.Token);
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(Dependents(resource));
            await process.StopAsync(time);
        }

        await ended.CancelAsync();
        await watching;
        var exitCode = process.ExitCode;
        if (exitCode != 0 && !_stopping.IsCancellationRequested)
        {
            LogExited(resource.Name, exitCode);
        }

        await notifications.PublishUpdateAsync(resource, snapshot => snapshot with
        {
            State = new(exitCode == 0 ? KnownResourceStates.Finished : KnownResourceStates.Exited, null),
            ExitCode = exitCode,
            HealthStatus = null,
        });
    }

    private IEnumerable<Task> Dependents(IResource resource) =>
        _runs.Where(run => WaitGraph.Dependencies(run.Key).Contains(resource)).Select(static run => run.Value);

    private async Task WatchHealthAsync(IResource resource, HttpHealthCheck[] checks, CancellationToken cancellationToken)
    {
        // Quick while starting, so that whatever waits starts at once; slow afterwards.
        var (fast, slow) = (TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5));
        var healthy = false;
        try
        {
            while (checks.Length > 0)
            {
                var now = await IsHealthyAsync(resource, checks, cancellationToken);
                if (now != healthy)
                {
                    healthy = now;
                    await notifications.PublishUpdateAsync(resource, snapshot => snapshot with
                    {
                        HealthStatus = now ? HealthStatus.Healthy : HealthStatus.Unhealthy,
                    });
                }

                await Task.Delay(healthy ? slow : fast, time, cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The process ended; its last state is published by whoever waits for it.
        }
    }

    private async Task<bool> IsHealthyAsync(IResource resource, HttpHealthCheck[] checks, CancellationToken cancellationToken)
    {
        foreach (var check in checks)
        {
            var name = check.EndpointName ?? "http";
            var url = new EndpointReference((IResourceWithEndpoints)resource, name).Url;
            try
            {
                using var response = await _http.GetAsync(new Uri(new Uri(url), check.Path), cancellationToken);
                if ((int)response.StatusCode != check.StatusCode)
                {
                    return false;
                }
            }
            catch (Exception failure) when (failure is HttpRequestException
                || (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                return false;
            }
        }

        return true;
    }

    private Task SetStateAsync(IResource resource, string state) => notifications.PublishUpdateAsync(
        resource, snapshot => snapshot with { State = new(state, null), HealthStatus = null });

    [LoggerMessage(LogLevel.Error, "Resource '{Resource}' did not start: {Reason}")]
    private partial void LogFailedToStart(string resource, string reason);

    [LoggerMessage(LogLevel.Error, "Resource '{Resource}' ended with exit code {ExitCode}; its output above says why")]
    private partial void LogExited(string resource, int exitCode);
}
