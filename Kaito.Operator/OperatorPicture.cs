using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Operator.Cluster;
using Kaito.Operator.InferenceSets;
using Kaito.Operator.RagEngines;
using Kaito.Operator.Workspaces;

namespace Kaito.Operator;

/// <summary>What there is at the moment of a scrape.</summary>
internal sealed record OperatorPicture
{
    public List<QueuePicture> Queues { get; init; } = [];

    /// <summary>Workspaces by phase: succeeded, error, pending, deleting.</summary>
    public IReadOnlyDictionary<string, int> Workspaces { get; init; } = new Dictionary<string, int>();

    /// <summary>Workspaces that serve a preset, by its name.</summary>
    public IReadOnlyDictionary<string, int> Presets { get; init; } = new Dictionary<string, int>();

    /// <summary>InferenceSets by the same phases.</summary>
    public IReadOnlyDictionary<string, int> InferenceSets { get; init; } = new Dictionary<string, int>();

    public IReadOnlyList<VolumePicture> Volumes { get; init; } = [];
}

/// <summary>A work queue.</summary>
internal sealed record QueuePicture(string Name, int Depth, long Adds, long Retries);

/// <summary>A PersistentVolumeClaim of a Workspace.</summary>
internal sealed record VolumePicture(string Workspace, string Namespace, string Name, long Bytes);

/// <summary>Takes pictures, at most one a minute of what has to be asked for.</summary>
internal sealed class OperatorPictures(
    IKubeApi api, WorkQueue queue, WorkspaceObserver workspaces, InferenceSetObserver sets, RagEngineObserver engines,
    TimeProvider clock) : IDisposable
{
    private static readonly TimeSpan s_fresh = TimeSpan.FromMinutes(1);
    private readonly SemaphoreSlim _turn = new(1);
    private OperatorPicture? _last;
    private long _taken;

    public async Task<OperatorPicture> NowAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (_last is null || clock.GetElapsedTime(_taken) >= s_fresh)
            {
                (_last, _taken) = (await TakeAsync(cancellationToken), clock.GetTimestamp());
            }

            return _last with { Queues = [Of("workspace", queue), Of("inferenceset", sets.Queue), Of("ragengine", engines.Queue)] };
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private static QueuePicture Of(string name, WorkQueue queue) => new(name, queue.Depth, queue.Adds, queue.Retries);

    private async Task<OperatorPicture> TakeAsync(CancellationToken cancellationToken)
    {
        var (phases, presets) = (new Dictionary<string, int>(), new Dictionary<string, int>());
        foreach (var workspace in workspaces.All)
        {
            Count(phases, Phase(
                workspace.Metadata.DeletionTimestamp is not null, workspace.Status?.Conditions, ConditionTypes.WorkspaceSucceeded,
                workspace.Status?.State is null or WorkspaceStates.Pending));
            if (workspace.Inference?.Preset?.Name is { Length: > 0 } preset)
            {
                Count(presets, preset);
            }
        }

        var ofSets = new Dictionary<string, int>();
        foreach (var set in sets.All)
        {
            Count(ofSets, Phase(
                set.Metadata.DeletionTimestamp is not null, set.Status?.Conditions, ConditionTypes.InferenceSetReady, false));
        }

        return new()
        {
            Workspaces = phases,
            Presets = presets,
            InferenceSets = ofSets,
            Volumes = await VolumesAsync(cancellationToken),
        };
    }

    // Upstream counts what is still starting as an error.
    private static string Phase(
        bool deleting, IEnumerable<Condition>? conditions, string succeeded, bool starting) =>
        deleting ? "deleting" : (conditions ?? []).FirstOrDefault(c => c.Type == succeeded)?.Status switch
        {
            Condition.True => "succeeded",
            null => "pending",
            _ => starting ? "pending" : "error",
        };

    private static void Count(Dictionary<string, int> counts, string what) => counts[what] = counts.GetValueOrDefault(what) + 1;

    private async Task<IReadOnlyList<VolumePicture>> VolumesAsync(CancellationToken cancellationToken)
    {
        try
        {
            var list = await api.GetAsync(
                $"api/v1/persistentvolumeclaims?labelSelector={Uri.EscapeDataString(Labels.Workspace)}", cancellationToken);
            return [.. (list?["items"] as JsonArray ?? []).Select(static item => Volume(item!))];
        }
        catch (Exception wrong) when (wrong is KubeException or HttpRequestException or TimeoutException)
        {
            // Without the right to ask, or for now.
            return [];
        }
    }

    private static VolumePicture Volume(JsonNode item)
    {
        var metadata = item["metadata"]!;
        var size = item["status"]?["capacity"]?["storage"] ?? item["spec"]?["resources"]?["requests"]?["storage"];
        return new(
            (string?)metadata["labels"]?[Labels.Workspace] ?? "", (string?)metadata["namespace"] ?? "",
            (string?)metadata["name"] ?? "", Bytes((string?)size ?? ""));
    }

    // Example: 100Gi. What nobody can read counts as nothing.
    private static long Bytes(string quantity)
    {
        var digits = quantity.TrimEnd([.. "KMGTPEkmi"]);
        var unit = quantity[digits.Length..] switch
        {
            "" => 1,
            "k" => 1e3,
            "M" => 1e6,
            "G" => 1e9,
            "T" => 1e12,
            "Ki" => 1L << 10,
            "Mi" => 1L << 20,
            "Gi" => 1L << 30,
            "Ti" => 1L << 40,
            "Pi" => 1L << 50,
            _ => 0,
        };
        return double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            ? (long)(number * unit)
            : 0;
    }
}
