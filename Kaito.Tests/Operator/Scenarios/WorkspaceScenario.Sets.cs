using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Operator.Cluster;

namespace Kaito.Tests.Operator.Scenarios;

public abstract partial class WorkspaceScenario
{
    [Fact]
    public async Task InferenceSet_ScaledEditedAndDeleted_ItsWorkspacesFollow()
    {
        await using var server = await StartServerAsync();
        await using var cluster = await ClusterFixture.StartAsync(server, Stop);
        var wanted = await SampleSetAsync();
        await cluster.Api.CreateAsync(KubeKinds.InferenceSets, wanted, Stop);
        var two = await ReplicasAsync(cluster, server, 2, "phi-3.5-mini-instruct");
        Assert.Equal("inferenceset.kaito.sh/created-by=phi-3-5-mini", two.Status!.Selector);

        await EditAsync("""{"replicas":1}""");
        await ReplicasAsync(cluster, server, 1, "phi-3.5-mini-instruct");

        // A Workspace's model is fixed: another one needs another Workspace.
        await EditAsync("""{"template":{"inference":{"preset":{"name":"phi-3-mini-4k-instruct"}}}}""");
        await ReplicasAsync(cluster, server, 1, "phi-3-mini-4k-instruct");

        await EditAsync("""{"template":{"resource":{"instanceType":"Standard_Bad"}}}""");
        var wrong = await FirstAsync(
            cluster, KubeKinds.InferenceSets,
            static s => s.Status?.Conditions?.Any(static c => c.Reason == "inferencesetFailed") == true, "the set says why");
        Assert.Contains(wrong.Status!.Conditions!.Value, static c =>
            c.Message.Contains("spec.template.resource.instanceType: \"Standard_Bad\"", StringComparison.Ordinal));
        Assert.Single((await cluster.Api.ListAsync(KubeKinds.Workspaces, null, null, Stop)).Items);

        await cluster.Api.DeleteAsync(wrong, Stop);
        await ClusterFixture.UntilAsync(
            async () => (await cluster.Api.ListAsync(KubeKinds.InferenceSets, null, null, Stop)).Items.IsEmpty ? "" : null,
            "the set is gone", Stop);
        Assert.Empty((await cluster.Api.ListAsync(KubeKinds.Workspaces, null, null, Stop)).Items);
        Assert.Empty((await cluster.Api.ListAsync(KubeKinds.NodeClaims, null, null, Stop)).Items);

        Task EditAsync(string spec) => cluster.Api.PatchAsync(
            KubeKinds.InferenceSets, wanted, new() { ["spec"] = JsonNode.Parse(spec) }, status: false, Stop);
    }

    [Fact]
    public async Task InferenceSet_WorkspaceOfSomebodyElse_IsLeftAlone()
    {
        await using var server = await StartServerAsync();
        await using var cluster = await ClusterFixture.StartAsync(server, Stop);
        var wanted = await SampleSetAsync();
        await cluster.Api.CreateAsync(KubeKinds.InferenceSets, wanted, Stop);
        await ReplicasAsync(cluster, server, 2, "phi-3.5-mini-instruct");
        var names = (await cluster.Api.ListAsync(KubeKinds.Workspaces, null, null, Stop)).Items
            .Select(static w => w.Metadata.Name!).ToHashSet(StringComparer.Ordinal);
        await ScaleAsync(1);
        await ReplicasAsync(cluster, server, 1, "phi-3.5-mini-instruct");
        var kept = Assert.Single((await cluster.Api.ListAsync(KubeKinds.Workspaces, null, null, Stop)).Items);

        // Somebody takes the free name, with the very label that the set gives its own.
        var free = Assert.Single(names.Except([kept.Metadata.Name!]));
        var foreign = await cluster.Api.CreateAsync(
            KubeKinds.Workspaces,
            kept with { Metadata = new() { Name = free, Namespace = "default", Labels = kept.Metadata.Labels }, Status = null },
            Stop);
        await ScaleAsync(2);
        var told = await FirstAsync(
            cluster, KubeKinds.InferenceSets,
            s => s.Status?.Conditions?.Any(c => c.Message.Contains($"default/{free} is there already", StringComparison.Ordinal)) == true,
            "the set says whose name is taken");

        await cluster.Api.DeleteAsync(told, Stop);
        await ClusterFixture.UntilAsync(
            async () => (await cluster.Api.ListAsync(KubeKinds.InferenceSets, null, null, Stop)).Items.IsEmpty ? "" : null,
            "the set is gone", Stop);
        var left = Assert.Single((await cluster.Api.ListAsync(KubeKinds.Workspaces, null, null, Stop)).Items);
        Assert.Equal(foreign.Metadata.Uid, left.Metadata.Uid);
        Assert.Null(left.Metadata.OwnerReferences);
        Assert.Null(left.Metadata.DeletionTimestamp);

        Task ScaleAsync(int replicas) => cluster.Api.PatchAsync(
            KubeKinds.InferenceSets, wanted, new() { ["spec"] = new JsonObject { ["replicas"] = replicas } },
            status: false, Stop);
    }

    [Fact]
    public async Task InferenceSet_OutsideOfItsAutoscalingBounds_IsScaledIntoThem()
    {
        await using var server = await StartServerAsync();
        await using var cluster = await ClusterFixture.StartAsync(server, Stop);
        var sample = Yaml.ToJson(await File.ReadAllTextAsync(
            Repository.Path("samples", "inferenceset", "phi-3.5-mini-autoscaled.yaml"), Stop))!;
        sample["metadata"]!["namespace"] = "default";
        sample["spec"]!["autoscaling"]!["minReplicas"] = 2;
        var wanted = JsonSerializer.Deserialize(sample, WorkspaceJson.Default.InferenceSetResource)!;
        await cluster.Api.CreateAsync(KubeKinds.InferenceSets, wanted, Stop);

        var two = await ReplicasAsync(cluster, server, 2, "phi-3.5-mini-instruct");
        Assert.Equal(2, two.Spec!.Replicas);

        // Somebody else asks for more than is allowed.
        await cluster.Api.PatchAsync(
            KubeKinds.InferenceSets, wanted, new() { ["spec"] = JsonNode.Parse("""{"replicas":9}""") }, status: false, Stop);
        var three = await ReplicasAsync(cluster, server, 3, "phi-3.5-mini-instruct");
        Assert.Equal(3, three.Spec!.Replicas);
    }

    private static async Task<InferenceSetResource> SampleSetAsync()
    {
        var sample = Yaml.ToJson(
            await File.ReadAllTextAsync(Repository.Path("samples", "inferenceset", "phi-3.5-mini.yaml"), Stop))!;
        sample["metadata"]!["namespace"] = "default";
        return JsonSerializer.Deserialize(sample, WorkspaceJson.Default.InferenceSetResource)!;
    }

    /// <summary>Waits until so many Workspaces serve a preset and there is no other.</summary>
    private static Task<InferenceSetResource> ReplicasAsync(
        ClusterFixture cluster, ScenarioServer server, int count, string preset) => ClusterFixture.UntilAsync(
        async () =>
        {
            if (!server.HasNodes)
            {
                await PlayCloudAsync(cluster);
            }

            var workspaces = (await cluster.Api.ListAsync(KubeKinds.Workspaces, null, null, Stop)).Items;
            var set = (await cluster.Api.ListAsync(KubeKinds.InferenceSets, null, null, Stop)).Items.Single();
            return workspaces.Length == count && workspaces.All(w => w.Inference!.Preset!.Name == preset)
                && set.Status?.ReadyReplicas == count
                && set.Status.Conditions!.Value.Any(static c =>
                    c is { Type: ConditionTypes.InferenceSetReady, Status: Condition.True })
                ? set
                : null;
        },
        $"{count} replica(s) serve {preset}", Stop);

    // Where no cloud and no kubelet answer.
    private static async Task PlayCloudAsync(ClusterFixture cluster)
    {
        foreach (var claim in (await cluster.Api.ListAsync(KubeKinds.NodeClaims, null, null, Stop)).Items
            .Where(static c => c.Status?.NodeName is null && c.Metadata.DeletionTimestamp is null))
        {
            await cluster.MarkReadyAsync(claim, Stop);
        }

        foreach (var workload in (await cluster.Api.ListAsync(KubeKinds.StatefulSets, null, Labels.Workspace, Stop)).Items
            .Where(static w => w.Metadata.DeletionTimestamp is null && w.Status?.ReadyReplicas is null or 0))
        {
            await cluster.MarkReadyAsync(workload, Stop);
        }
    }
}
