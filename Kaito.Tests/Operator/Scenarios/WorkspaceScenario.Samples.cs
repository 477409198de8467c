using System.Net;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Tests.Operator.Scenarios;

public abstract partial class WorkspaceScenario
{
    private static readonly string[] s_refusals =
    [
        "WorkspaceInvalid", "InferenceSetInvalid", "RAGEngineInvalid", "FieldValueInvalid", "ModelMetadataInvalid",
        "ModelLookupFailed", "ApplyFailed", "inferencesetFailed",
    ];

    // What the samples' comments ask their users for.
    private const string Surroundings = """
        apiVersion: v1
        kind: Secret
        metadata:
          name: hf-token
        stringData:
          HF_TOKEN: hf_secret
        ---
        apiVersion: v1
        kind: Secret
        metadata:
          name: registry-credentials
        """;

    [Fact]
    public async Task Samples_AllOfThemAppliedAtOnce_GetNodesAndWorkloadsAndLeaveNothing()
    {
        await using var server = await StartServerAsync();
        await using var cluster = await ClusterFixture.StartAsync(server, Stop);
        await CreateAsync(cluster, "the surroundings", Surroundings);
        var files = Directory.GetFiles(Repository.Path("samples"), "*.yaml", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        foreach (var file in files)
        {
            await CreateAsync(cluster, file, await File.ReadAllTextAsync(file, Stop));
        }

        var (workspaces, sets, engines) = (
            await AllAsync(cluster, KubeKinds.Workspaces), await AllAsync(cluster, KubeKinds.InferenceSets),
            await AllAsync(cluster, KubeKinds.RagEngines));
        await ClusterFixture.UntilAsync(
            async () =>
            {
                await PlayProvisionerAsync(cluster, server);
                return await WithoutWorkloadAsync(cluster) is { Length: 0 } ? "" : null;
            },
            "every sample has its workload", Stop);
        Assert.Equal(
            files.Length,
            workspaces.Count(static w => w.Metadata.OwnerReferences is null) + sets.Length + engines.Length);
        await ScheduledAsync(cluster);
        foreach (var conditions in (IEnumerable<IReadOnlyList<Condition>>)
        [
            .. (await AllAsync(cluster, KubeKinds.Workspaces)).Select(static w => w.Status?.Conditions ?? []),
            .. (await AllAsync(cluster, KubeKinds.InferenceSets)).Select(static s => s.Status?.Conditions ?? []),
            .. (await AllAsync(cluster, KubeKinds.RagEngines)).Select(static r => r.Status?.Conditions ?? []),
        ])
        {
            Assert.NotEmpty(conditions);
            Assert.DoesNotContain(conditions, static c => s_refusals.Contains(c.Reason));
        }

        foreach (var item in (IEnumerable<IKubeObject>)
            [.. await AllAsync(cluster, KubeKinds.InferenceSets), .. await AllAsync(cluster, KubeKinds.Workspaces),
                .. await AllAsync(cluster, KubeKinds.RagEngines)])
        {
            await cluster.Api.DeleteAsync(item, Stop);
        }

        await NoneAsync(cluster, KubeKinds.InferenceSets);
        await NoneAsync(cluster, KubeKinds.Workspaces);
        await NoneAsync(cluster, KubeKinds.RagEngines);
        Assert.Empty(await AllAsync(cluster, KubeKinds.NodeClaims));
        await NoneAsync(cluster, KubeKinds.StatefulSets);
        await NoneAsync(cluster, KubeKinds.Deployments);
        await NoneAsync(cluster, KubeKinds.Jobs);
        await NoneAsync(cluster, KubeKinds.Pods);
        await GoneAsync(cluster, KubeKinds.Services);
        await GoneAsync(cluster, KubeKinds.ConfigMaps);
    }

    private static async Task CreateAsync(ClusterFixture cluster, string what, string yaml)
    {
        foreach (var document in yaml.Split("\n---\n"))
        {
            var item = Yaml.ToJson(document)!;
            var version = (string)item["apiVersion"]!;
            var (status, message) = await cluster.PostAsync(
                $"{(version == "v1" ? "api" : "apis")}/{version}/namespaces/default/"
                + $"{((string)item["kind"]!).ToLowerInvariant()}s", document, Stop);
            Assert.True(status == HttpStatusCode.Created, $"{what}: {message}");
        }
    }

    private static async Task<T[]> AllAsync<T>(ClusterFixture cluster, KubeKind<T> kind)
        where T : class, IKubeObject => [.. (await cluster.Api.ListAsync(kind, null, null, Stop)).Items];

    private static Task<string> NoneAsync<T>(ClusterFixture cluster, KubeKind<T> kind)
        where T : class, IKubeObject => ClusterFixture.UntilAsync(
        async () => await AllAsync(cluster, kind) is { Length: 0 } ? "" : null, $"there are no {kind}", Stop);

    private static async Task PlayProvisionerAsync(ClusterFixture cluster, ScenarioServer server)
    {
        foreach (var claim in server.HasNodes ? [] : await AllAsync(cluster, KubeKinds.NodeClaims))
        {
            if (claim.Status?.NodeName is null)
            {
                await cluster.MarkReadyAsync(claim, Stop);
            }
        }
    }

    private static async Task<string[]> WithoutWorkloadAsync(ClusterFixture cluster)
    {
        string[] workloads =
        [
            .. (await AllAsync(cluster, KubeKinds.StatefulSets)).Select(static s => s.Metadata.Name!),
            .. (await AllAsync(cluster, KubeKinds.Jobs)).Select(static j => j.Metadata.Name!),
            .. (await AllAsync(cluster, KubeKinds.Deployments)).Select(static d => d.Metadata.Name!),
        ];
        var workspaces = await AllAsync(cluster, KubeKinds.Workspaces);
        var replicas = workspaces
            .Select(static w => w.Metadata.Labels?.GetValueOrDefault(Labels.CreatedByInferenceSet)).OfType<string>();
        return
        [
            .. workspaces.Select(static w => w.Metadata.Name!).Except(workloads),
            .. (await AllAsync(cluster, KubeKinds.RagEngines)).Select(static r => r.Metadata.Name!).Except(workloads),
            .. (await AllAsync(cluster, KubeKinds.InferenceSets)).Select(static s => s.Metadata.Name!).Except(replicas),
        ];
    }

    // Only pods whose volumes are somebody else's to bring wait for them.
    private static Task<string> ScheduledAsync(ClusterFixture cluster) => ClusterFixture.UntilAsync(
        async () => (await cluster.Api.GetAsync("api/v1/namespaces/default/pods", Stop))!["items"]!.AsArray()
            is { Count: > 0 } pods && pods.All(static p => p!["spec"]!["nodeName"] is not null
                || p["spec"]!["volumes"]!.AsArray().Any(static v => v!["persistentVolumeClaim"] is not null)) ? "" : null,
        "every pod has a node", Stop);
}
