using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Kaito.Hosting;

/// <summary>One resource in <c>endpoints.json</c>.</summary>
internal sealed record EndpointEntry(string Name, string? Url, string State);

/// <summary>The whole of <c>endpoints.json</c>.</summary>
internal sealed record EndpointFile(ImmutableArray<EndpointEntry> Resources);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(EndpointFile))]
internal sealed partial class EndpointJson : JsonSerializerContext;

/// <summary>Keeps endpoints.json true, and tells the user once when everything is up.</summary>
internal sealed partial class EndpointReport(
    ResourceNotificationService notifications,
    DistributedApplicationModel model,
    KaitoState state,
    ILogger<EndpointReport> logger) : BackgroundService
{
    private const string Sample = "samples/inference/phi-3.5-mini-instruct.yaml";
    private const string SampleName = "workspace-phi-3-5-mini";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var known = new Dictionary<string, EndpointEntry>();
        var told = false;
        await foreach (var change in notifications.WatchAsync(stoppingToken))
        {
            known[change.Resource.Name] = new(
                change.Resource.Name, change.Snapshot.Urls.FirstOrDefault()?.Url, StateOf(change.Snapshot));
            await WriteAsync([.. known.Values], stoppingToken);
            if (!told && model.Resources.All(resource => known.TryGetValue(resource.Name, out var entry) && IsUp(entry)))
            {
                told = true;
                LogReady(Summary(known.Values));
            }
        }
    }

    /// <summary>The state, with health where the resource has a say in it.</summary>
    internal static string StateOf(CustomResourceSnapshot snapshot) => snapshot.HealthStatus?.ToString()
        ?? snapshot.State?.Text
        ?? KnownResourceStates.NotStarted;

    private static bool IsUp(EndpointEntry entry) => entry.State is "Healthy" or "Finished";

    private string Summary(IEnumerable<EndpointEntry> entries)
    {
        var urls = entries.Where(static entry => entry.Url is not null)
            .Select(static entry => $"  {entry.Name,-12} {entry.Url}");
        return state.UsesDevCluster
            ? $$"""
            {{string.Join('\n', urls)}}

            Next, in another shell:
              export KUBECONFIG={{state.Kubeconfig}}
              kubectl apply -f {{Sample}}
              curl -N "$(kubectl get service {{SampleName}} -o jsonpath='{.metadata.annotations.kaito\.sh/local-url}')/v1/chat/completions" -H 'Content-Type: application/json' -d '{"model":"phi-3.5-mini-instruct","stream":true,"max_tokens":32,"messages":[{"role":"user","content":"Hello"}]}'
            """
            : string.Join('\n', urls);
    }

    // Readers see the old file or the new one, never half of it.
    private async Task WriteAsync(ImmutableArray<EndpointEntry> entries, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(state.Folder);
        var draft = state.Endpoints + ".new";
        var text = JsonSerializer.Serialize(new(entries), EndpointJson.Default.EndpointFile);
        await File.WriteAllTextAsync(draft, text, cancellationToken);
        File.Move(draft, state.Endpoints, overwrite: true);
    }

    [LoggerMessage(LogLevel.Information, "Everything is up.\n{Summary}")]
    private partial void LogReady(string summary);
}
