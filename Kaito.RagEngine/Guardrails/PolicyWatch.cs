using System.Threading.Channels;

namespace Kaito.RagEngine.Guardrails;

/// <summary>Reads the policy again when its folder changes: a mounted ConfigMap changes by a link beside the file.</summary>
internal sealed partial class PolicyWatch(
    OutputGuardrails guardrails, RagEngineOptions options, TimeProvider clock, ILogger<PolicyWatch> logger)
    : BackgroundService
{
    /// <summary>Changes that come within this time are one.</summary>
    internal static readonly TimeSpan Debounce = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var watched = options.GuardrailsEnabled && options.GuardrailsReload && options.GuardrailsPolicy.Length > 0;
        var folder = watched ? Path.GetDirectoryName(Path.GetFullPath(options.GuardrailsPolicy)) : null;
        if (!Directory.Exists(folder))
        {
            LogOff(options.GuardrailsPolicy);
            return;
        }

        var changes = Channel.CreateBounded<bool>(
            new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        using var watcher = new FileSystemWatcher(folder);
        watcher.Changed += (_, _) => changes.Writer.TryWrite(true);
        watcher.Created += (_, _) => changes.Writer.TryWrite(true);
        watcher.Deleted += (_, _) => changes.Writer.TryWrite(true);
        watcher.Renamed += (_, _) => changes.Writer.TryWrite(true);

        // Events were lost; what they told of is found by reading.
        watcher.Error += (_, _) => changes.Writer.TryWrite(true);
        watcher.EnableRaisingEvents = true;
        LogOn(options.GuardrailsPolicy);

        // What changed between the first reading and now.
        changes.Writer.TryWrite(true);
        await FollowAsync(changes.Reader, stoppingToken);
    }

    internal async Task FollowAsync(ChannelReader<bool> changes, CancellationToken cancellationToken)
    {
        try
        {
            while (await changes.WaitToReadAsync(cancellationToken))
            {
                await Task.Delay(Debounce, clock, cancellationToken);
                changes.TryRead(out _);
                guardrails.Reload();
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The service stops.
        }
    }

    [LoggerMessage(LogLevel.Information, "Watching the guardrails policy {Path}")]
    private partial void LogOn(string path);

    [LoggerMessage(LogLevel.Information, "output_guardrails_hot_reload_disabled: the policy '{Path}' is not watched")]
    private partial void LogOff(string path);
}
