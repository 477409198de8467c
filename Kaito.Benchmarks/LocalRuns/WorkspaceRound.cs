using System.Collections.Immutable;
using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Benchmarks.LocalRuns;

/// <summary>How long the steps from <c>kubectl apply</c> to the first token took, and to be rid of it again.</summary>
/// <param name="Admit">From the start of kubectl until the Workspace is seen.</param>
/// <param name="Node">Until its NodeClaim is ready.</param>
/// <param name="Schedule">Until its pod has a node.</param>
/// <param name="Load">Until the pod is ready: the process runs and has loaded the model.</param>
/// <param name="FirstToken">Until a chat, begun once the Workspace has succeeded, has streamed its first text.</param>
/// <param name="Delete">From the start of <c>kubectl delete</c> until none of its objects is left.</param>
internal sealed record WorkspaceTimes(
    TimeSpan Admit, TimeSpan Node, TimeSpan Schedule, TimeSpan Load, TimeSpan FirstToken, TimeSpan Delete)
{
    public TimeSpan Total => Admit + Node + Schedule + Load + FirstToken;
}

/// <summary>Applies the sample Workspace, chats with it through its Service, and deletes it.</summary>
internal sealed class WorkspaceRound(IKubeApi api, Kubectl kubectl, HttpClient http)
{
    private const string Model = "phi-3.5-mini-instruct";
    private const string UrlAnnotation = "kaito.sh/local-url";
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(10);

    /// <exception cref="TimeoutException">A round took more than a minute.</exception>
    public async Task<WorkspaceTimes> RunAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(s_limit);
        try
        {
            return await MeasureAsync(limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"A Workspace was not served and deleted within {s_limit.TotalSeconds} s.");
        }
    }

    private async Task<WorkspaceTimes> MeasureAsync(CancellationToken cancellationToken)
    {
        await using var workspaces = await Sightings<WorkspaceResource>.StartAsync(
            api, KubeKinds.Workspaces, cancellationToken);
        await using var claims = await Sightings<NodeClaim>.StartAsync(api, KubeKinds.NodeClaims, cancellationToken);
        await using var pods = await Sightings<Pod>.StartAsync(api, KubeKinds.Pods, cancellationToken);

        var start = Stopwatch.GetTimestamp();
        var apply = kubectl.RunAsync(cancellationToken, "apply", "-f", Kubectl.Sample);
        var admitted = await workspaces.FirstAsync(static _ => true, cancellationToken);
        var node = await claims.FirstAsync(static claim => Holds(claim.Status?.Conditions, "Ready"), cancellationToken);
        var scheduled = await pods.FirstAsync(
            static pod => Holds(pod.Status?.Conditions, "PodScheduled"), cancellationToken);
        var loaded = await pods.FirstAsync(static pod => Holds(pod.Status?.Conditions, "Ready"), cancellationToken);
        await workspaces.FirstAsync(
            static workspace => workspace.Status?.Conditions is { IsDefault: false } conditions && conditions.Any(
                static c => c is { Type: ConditionTypes.WorkspaceSucceeded, Status: Condition.True }),
            cancellationToken);
        var spoken = await FirstTokenAsync(cancellationToken);
        await apply;
        var deleted = await DeleteAsync(cancellationToken);
        return new(
            Stopwatch.GetElapsedTime(start, admitted),
            Stopwatch.GetElapsedTime(admitted, node),
            Stopwatch.GetElapsedTime(node, scheduled),
            Stopwatch.GetElapsedTime(scheduled, loaded),
            Stopwatch.GetElapsedTime(loaded, spoken),
            deleted);
    }

    private static bool Holds(ImmutableArray<StatusCondition>? conditions, string type) =>
        conditions is { IsDefault: false } all && all.Any(c => c.Type == type && c.Status == "True");

    private async Task<long> FirstTokenAsync(CancellationToken cancellationToken)
    {
        var service = await api.GetAsync(KubeKinds.Services, "default", Kubectl.Workspace, cancellationToken);
        var url = service?.Metadata.Annotations?.GetValueOrDefault(UrlAnnotation)
            ?? throw new InvalidOperationException($"Service {Kubectl.Workspace} has no annotation {UrlAnnotation}.");
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{url}/v1/chat/completions")
        {
            Content = JsonContent.Create(new
            {
                model = Model,
                stream = true,
                max_tokens = 16,
                messages = new[] { new { role = "user", content = "Hello" } },
            }),
        };
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        response.EnsureSuccessStatusCode();
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken));
        while (await lines.ReadLineAsync(cancellationToken) is { } line)
        {
            if (HasText(line))
            {
                return Stopwatch.GetTimestamp();
            }
        }

        throw new InvalidOperationException("The chat ended without a text.");
    }

    // Example: data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}
    private static bool HasText(string line)
    {
        if (!line.StartsWith("data: {", StringComparison.Ordinal))
        {
            return false;
        }

        using var chunk = JsonDocument.Parse(line["data: ".Length..]);
        return chunk.RootElement.GetProperty("choices").EnumerateArray().Any(static choice =>
            choice.GetProperty("delta").TryGetProperty("content", out var text) && text.GetString() is { Length: > 0 });
    }

    private async Task<TimeSpan> DeleteAsync(CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        await kubectl.RunAsync(cancellationToken, "delete", "-f", Kubectl.Sample);
        while (await AnyLeftAsync(cancellationToken))
        {
            await Task.Delay(s_look, TimeProvider.System, cancellationToken);
        }

        return Stopwatch.GetElapsedTime(start);
    }

    private async Task<bool> AnyLeftAsync(CancellationToken cancellationToken) =>
        await AnyAsync(KubeKinds.Pods, cancellationToken)
        || await AnyAsync(KubeKinds.StatefulSets, cancellationToken)
        || await AnyAsync(KubeKinds.Services, cancellationToken)
        || await AnyAsync(KubeKinds.ConfigMaps, cancellationToken)
        || await AnyAsync(KubeKinds.NodeClaims, cancellationToken);

    private async Task<bool> AnyAsync<T>(KubeKind<T> kind, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        var selector = $"{Labels.Workspace}={Kubectl.Workspace}";
        return !(await api.ListAsync(kind, null, selector, cancellationToken)).Items.IsEmpty;
    }
}
