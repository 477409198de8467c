using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Api;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Pods;

/// <summary>Reads the log files of containers.</summary>
internal sealed class PodLogs(PodOptions options, IClusterStore store, TimeProvider clock) : IPodLogs
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(50);

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(
        PodLogRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var left = request.LimitBytes ?? long.MaxValue;
        await foreach (var line in LinesAsync(request, cancellationToken))
        {
            var bytes = Encoding.UTF8.GetBytes(line + "\n");
            yield return bytes.AsMemory(0, (int)Math.Min(left, bytes.Length));
            left -= bytes.Length;
            if (left <= 0)
            {
                yield break;
            }
        }
    }

    private async IAsyncEnumerable<string> LinesAsync(
        PodLogRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (pod, container) = Find(request);
        var folder = Path.Combine(options.PodsFolder, PodFolder.NameOf(pod.Namespace, pod.Name, pod.Uid), "logs");
        var path = ContainerLog.PathOf(folder, container, request.Previous);
        if (!File.Exists(path))
        {
            throw ApiStatusException.BadRequest(request.Previous
                ? $"previous terminated container \"{container}\" in pod \"{pod.Name}\" not found"
                : $"container \"{container}\" in pod \"{pod.Name}\" is waiting to start: {WaitingReason(pod, container)}");
        }

        using var reader = new StreamReader(new FileStream(
            path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        foreach (var line in await PresentAsync(reader, request, cancellationToken))
        {
            yield return line;
        }

        while (request.Follow && !request.Previous)
        {
            // Asked before reading: what a container wrote before it ended is still read.
            var running = IsRunning(pod, container);
            while (await reader.ReadLineAsync(cancellationToken) is { } line)
            {
                yield return Shown(line, request);
            }

            if (!running)
            {
                yield break;
            }

            await Task.Delay(s_look, clock, cancellationToken);
        }
    }

    private (JsonObject Pod, string Container) Find(PodLogRequest request)
    {
        var key = new ObjectKey(Resources.Pods, request.Namespace, request.Pod);
        var pod = store.Get(key) ?? throw ApiStatusException.NotFound(Resources.Pods, request.Pod);
        var names = pod.Objects("spec", "initContainers").Concat(pod.Objects("spec", "containers"))
            .Select(static c => c.Text("name") ?? "").ToArray();
        var wanted = request.Container ?? pod.Objects("spec", "containers").First().Text("name") ?? "";
        return names.Contains(wanted)
            ? (pod, wanted)
            : throw ApiStatusException.BadRequest(
                $"container {wanted} is not valid for pod {request.Pod}; choose one of: [{string.Join(' ', names)}]");
    }

    private static JsonObject? StatusOf(JsonObject? pod, string container) =>
        pod.Objects("status", "initContainerStatuses").Concat(pod.Objects("status", "containerStatuses"))
            .FirstOrDefault(s => s.Text("name") == container);

    private static string WaitingReason(JsonObject pod, string container) =>
        StatusOf(pod, container)?.At("state").Text("waiting", "reason") ?? "ContainerCreating";

    private bool IsRunning(JsonObject pod, string container)
    {
        var now = store.Get(Resources.Pods.KeyOf(pod));
        return now?.Uid == pod.Uid && StatusOf(now, container)?.At("state", "running") is not null;
    }

    private static async Task<Queue<string>> PresentAsync(
        StreamReader reader, PodLogRequest request, CancellationToken cancellationToken)
    {
        var lines = new Queue<string>();
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            if (request.Since is { } since && TimeOf(line) < since)
            {
                continue;
            }

            lines.Enqueue(Shown(line, request));
            if (lines.Count > request.TailLines)
            {
                lines.Dequeue();
            }
        }

        return lines;
    }

    private static string Shown(string line, PodLogRequest request)
    {
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        return request.Timestamps || space < 0 ? line : line[(space + 1)..];
    }

    private static DateTimeOffset TimeOf(string line)
    {
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        return DateTimeOffset.TryParse(
            space < 0 ? line : line[..space], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time
            : DateTimeOffset.MaxValue;
    }
}
