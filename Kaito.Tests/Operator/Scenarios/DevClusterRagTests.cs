using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Contracts;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Tests.Operator.Scenarios;

/// <summary>Manifest in, passages out: on the dev cluster, whose pod is the real retrieval service.</summary>
public sealed class DevClusterRagTests
{
    private const string Volume = """
        apiVersion: v1
        kind: PersistentVolumeClaim
        metadata:
          name: documents
        spec:
          accessModes: [ReadWriteOnce]
          resources:
            requests:
              storage: 1Gi
        """;

    private const string Manifest = """
        apiVersion: kaito.sh/v1beta1
        kind: RAGEngine
        metadata:
          name: docs
        spec:
          compute:
            instanceType: Standard_NC4as_T4_v3
            labelSelector:
              matchLabels:
                apps: docs
          storage:
            persistentVolume:
              persistentVolumeClaim: documents
              mountPath: /mnt/documents
          embedding:
            local:
              modelID: BAAI/bge-small-en-v1.5
        """;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task RagEngine_Applied_RetrievesThroughItsServiceAlsoAfterItsPodWasReplaced()
    {
        await using var server = await ScenarioServer.DevClusterAsync(
            $"--Images:{Images.RagEngine}={BuiltProject.Assembly("Kaito.RagEngine")}");
        await using var cluster = await ClusterFixture.StartAsync(server, Stop);
        await CreateAsync(cluster, "api/v1/namespaces/default/persistentvolumeclaims", Volume);
        await CreateAsync(cluster, "apis/kaito.sh/v1beta1/namespaces/default/ragengines", Manifest);
        await ReadyAsync(cluster);
        using var http = new HttpClient { BaseAddress = await AddressAsync(cluster) };

        using var indexed = await http.PostAsJsonAsync(
            "/index",
            new
            {
                index_name = "kaito",
                documents = new[] { new { text = "Paris is the capital of France." }, new { text = "Bread is baked." } },
            },
            Stop);
        Assert.True(indexed.IsSuccessStatusCode, await indexed.Content.ReadAsStringAsync(Stop));
        Assert.Equal("Paris is the capital of France.", await FirstAsync(http));

        var pod = Assert.Single(await PodsAsync(cluster));
        await cluster.Api.DeleteAsync(pod, Stop);
        await ClusterFixture.UntilAsync(
            async () => (await PodsAsync(cluster)).Any(p => p.Metadata.Uid != pod.Metadata.Uid) ? "" : null, "a new pod", Stop);
        Assert.Equal(
            "Paris is the capital of France.",
            await ClusterFixture.UntilAsync(() => FirstAsync(http), "the new pod has the documents", Stop));

        await cluster.Api.DeleteAsync(
            (await cluster.Api.GetAsync(KubeKinds.RagEngines, "default", "docs", Stop))!, Stop);
        await ClusterFixture.UntilAsync(
            async () => (await PodsAsync(cluster)).Length == 0
                && await cluster.Api.GetAsync(KubeKinds.RagEngines, "default", "docs", Stop) is null ? "" : null,
            "the RAGEngine and its pod are gone", Stop);
    }

    private static async Task CreateAsync(ClusterFixture cluster, string path, string yaml)
    {
        var (status, message) = await cluster.PostAsync(path, yaml, Stop);
        Assert.True((int)status == 201, message);
    }

    private static async Task ReadyAsync(ClusterFixture cluster)
    {
        RagEngineResource? engine = null;
        try
        {
            await ClusterFixture.UntilAsync(
                async () =>
                {
                    engine = await cluster.Api.GetAsync(KubeKinds.RagEngines, "default", "docs", Stop);
                    return engine?.Status?.Conditions?.Any(static c =>
                        c is { Type: ConditionTypes.RagEngineSucceeded, Status: Condition.True }) == true ? "" : null;
                },
                "the RAGEngine serves", Stop);
        }
        catch (TimeoutException)
        {
            Assert.Fail(string.Join('\n', (engine?.Status?.Conditions ?? []).Select(static c => $"{c.Type}: {c.Message}")));
        }
    }

    private static async Task<Uri> AddressAsync(ClusterFixture cluster) => new(await ClusterFixture.UntilAsync(
        async () => (await cluster.Api.GetAsync("api/v1/namespaces/default/services/docs", Stop))
            ?["metadata"]!["annotations"]?["kaito.sh/local-url"]?.GetValue<string>(),
        "the Service has an address", Stop));

    private static async Task<Pod[]> PodsAsync(ClusterFixture cluster) =>
        [.. (await cluster.Api.ListAsync(KubeKinds.Pods, "default", Labels.RagEngine, Stop)).Items];

    // Null while no pod answers.
    private static async Task<string?> FirstAsync(HttpClient http)
    {
        try
        {
            using var response = await http.PostAsJsonAsync(
                "/retrieve", new { index_name = "kaito", query = "capital of France" }, Stop);
            return response.IsSuccessStatusCode
                ? (string?)(await response.Content.ReadFromJsonAsync<JsonNode>(Stop))!["results"]![0]!["text"]
                : null;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }
}
