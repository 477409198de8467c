using System.Security.Cryptography;
using k8s.Exceptions;
using Kaito.Operator.Cluster;

namespace Kaito.Operator;

/// <summary>
/// Checks, then the lease, then the controllers; a failure that cannot be waited out ends the process.
/// </summary>
internal sealed partial class OperatorService(
    IServiceProvider services, OperatorOptions options, OperatorStatus status,
    IHostApplicationLifetime lifetime, ILogger<OperatorService> logger) : BackgroundService
{
    private readonly TimeProvider _clock = services.GetRequiredService<TimeProvider>();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.WithoutEffect is { } ignored)
        {
            LogWithoutEffect(ignored);
        }

        try
        {
            await services.GetRequiredService<StartChecks>().RunAsync(stoppingToken);
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
            // The environment's failures are told in one line where the process ends; ours need the place too.
            if (wrong is not (StartException or KubeException or KubeConfigException or HttpRequestException
                or TimeoutException or IOException))
            {
                LogStopped(wrong);
            }

            status.Failure = wrong.Message;
            lifetime.StopApplication();
        }
    }

    private LeaderElection Election()
    {
        var random = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
        return new(
            services.GetRequiredService<KubeApi>(), new(options.Namespace, "kaito-workspace-operator"),
            $"{Environment.MachineName}_{random}", _clock, services.GetRequiredService<ILogger<LeaderElection>>(),
            services.GetRequiredService<LeaderTerm>());
    }

    private async Task LeadAsync(CancellationToken stoppingToken)
    {
        status.Problem = "reading the cluster";
        await Task.WhenAll(
            OperatorControllers.RunAsync(services, logger, () => status.Problem = null, stoppingToken),
            services.GetRequiredService<EventRecorder>().RunAsync(stoppingToken),
            services.GetRequiredService<IdleMemory>().RunAsync(stoppingToken));
    }

    [LoggerMessage(LogLevel.Warning, "Accepted, without effect in this operator: {Flags}")]
    private partial void LogWithoutEffect(string flags);

    [LoggerMessage(LogLevel.Critical, "The operator has a defect and stops")]
    private partial void LogStopped(Exception wrong);
}
