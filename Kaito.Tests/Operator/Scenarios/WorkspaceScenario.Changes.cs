using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Tests.Operator.Scenarios;

public abstract partial class WorkspaceScenario
{
    [Fact]
    public async Task Workspace_ChangedWhileItRuns_EverythingFollowsAndNothingIsLeftOver()
    {
        await using var server = await StartServerAsync();
        await using var cluster = await ClusterFixture.StartAsync(server, Stop);
        var user = Map("mine", "vllm: { max-model-len: 1024 }");
        await cluster.Api.CreateAsync(KubeKinds.ConfigMaps, user, Stop);
        var wanted = Wanted("phi-3.5-mini-instruct");
        await cluster.Api.CreateAsync(KubeKinds.Workspaces, wanted with
        {
            Resource = wanted.Resource! with { Count = 2 },
            Inference = wanted.Inference! with { Runtime = "onnx", Config = "mine" },
        }, Stop);
        await ClaimsAsync(cluster, 2, server.HasNodes);
        var first = await WorkloadAsync(cluster, static w => w.Spec!.Replicas == 2, "the workload has two pods");
        Assert.Equal("1", first.Metadata.Annotations![Annotations.Revision]);
        await SettingAsync(cluster, "maxModelLength", "1024");

        // An edit of the user's own ConfigMap, which carries no label of ours.
        await cluster.Api.PatchAsync(
            KubeKinds.ConfigMaps, user, Data("vllm: { max-model-len: 512 }"), status: false, Stop);
        await SettingAsync(cluster, "maxModelLength", "512");
        await WorkloadAsync(cluster, w => SettingsHash(w) != SettingsHash(first), "the pods roll");

        // Another desired state: no settings of the user.
        await PatchAsync(cluster, """{"inference":{"config":null}}""");
        var second = await WorkloadAsync(
            cluster, static w => w.Metadata.Annotations?.GetValueOrDefault(Annotations.Revision) == "2",
            "the workload is of revision 2");
        await SettingAsync(cluster, "maxModelLength", null);

        // A claim more than the Workspace needs.
        var claims = (await cluster.Api.ListAsync(KubeKinds.NodeClaims, null, null, Stop)).Items;
        await cluster.Api.CreateAsync(KubeKinds.NodeClaims, claims[0] with
        {
            Metadata = new()
            {
                Name = "surplus",
                Labels = claims[0].Metadata.Labels,
                Annotations = claims[0].Metadata.Annotations,
            },
        }, Stop);
        await ClaimsAsync(cluster, 2, server.HasNodes);
        var workspace = await FirstAsync(
            cluster, KubeKinds.Workspaces,
            static w => w.Metadata.Annotations?.GetValueOrDefault(Annotations.Revision) == "2", "revision 2 is named");
        var revisions = (await cluster.Api.ListAsync(KubeKinds.Revisions, null, Labels.RevisionOwner, Stop)).Items;
        Assert.Equal([1, 2], revisions.Select(static r => r.Revision).Order());
        Assert.Equal(
            workspace.Metadata.Annotations![Annotations.Hash],
            revisions.Single(static r => r.Revision == 2).Metadata.Annotations![Annotations.Hash]);

        // What the Workspace owns and nothing names goes; what only carries its label stays.
        await cluster.Api.CreateAsync(KubeKinds.ConfigMaps, Map("theirs", "", Label("phi")), Stop);
        await cluster.Api.CreateAsync(
            KubeKinds.ConfigMaps, Map("leftover", "", Label("phi"), second.Metadata.OwnerReferences), Stop);
        await ClusterFixture.UntilAsync(
            async () =>
                await cluster.Api.GetAsync(KubeKinds.ConfigMaps, "default", "leftover", Stop) is null ? "" : null,
            "the leftover is removed", Stop);
        Assert.NotNull(await cluster.Api.GetAsync(KubeKinds.ConfigMaps, "default", "theirs", Stop));
    }

    private static async Task ClaimsAsync(ClusterFixture cluster, int count, bool hasNodes)
    {
        var claims = await ClusterFixture.UntilAsync(
            async () => (await cluster.Api.ListAsync(KubeKinds.NodeClaims, null, null, Stop)).Items is var all
                && all.Length == count ? all.ToList() : null,
            $"there are {count} NodeClaims", Stop);
        foreach (var claim in hasNodes ? [] : claims)
        {
            await cluster.MarkReadyAsync(claim, Stop);
        }
    }

    private static Task<StatefulSet> WorkloadAsync(
        ClusterFixture cluster, Func<StatefulSet, bool> wanted, string what) =>
        FirstAsync(cluster, KubeKinds.StatefulSets, wanted, what);

    private static Task<string> SettingAsync(ClusterFixture cluster, string name, string? expected) =>
        ClusterFixture.UntilAsync(
            async () =>
            {
                var map = await cluster.Api.GetAsync(
                    KubeKinds.ConfigMaps, "default", "phi-inference-settings", Stop);
                return map?.Data?["inference.json"] is { } json
                    && JsonNode.Parse(json)![name]?.ToJsonString() == expected ? "" : null;
            },
            string.Create(CultureInfo.InvariantCulture, $"the host's {name} is {expected}"), Stop);

    private static Task PatchAsync(ClusterFixture cluster, string merge) => cluster.Api.PatchAsync(
        KubeKinds.Workspaces, Wanted(""), JsonNode.Parse(merge)!.AsObject(), status: false, Stop);

    private static string? SettingsHash(StatefulSet workload) =>
        workload.Spec?.Template?.Metadata?.Annotations?.GetValueOrDefault("kaito.sh/settings-hash");

    private static JsonObject Data(string config) =>
        new() { ["data"] = new JsonObject { ["inference_config.yaml"] = config } };

    private static ImmutableSortedDictionary<string, string> Label(string workspace) =>
        ImmutableSortedDictionary<string, string>.Empty.Add(Labels.Workspace, workspace);

    private static ConfigMap Map(
        string name, string config, ImmutableSortedDictionary<string, string>? labels = null,
        ImmutableArray<OwnerReference>? owners = null) => new()
        {
            Metadata = new() { Name = name, Namespace = "default", Labels = labels, OwnerReferences = owners },
            Data = ImmutableSortedDictionary<string, string>.Empty.Add("inference_config.yaml", config),
        };
}
