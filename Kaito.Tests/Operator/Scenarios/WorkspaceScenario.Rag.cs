using System.Text.Json;
using Kaito.Core.Api;
using Kaito.Operator.Cluster;

namespace Kaito.Tests.Operator.Scenarios;

public abstract partial class WorkspaceScenario
{
    [Fact]
    public async Task RagEngine_AppliedAndDeleted_GetsItsNodeAndServiceAndLeavesNothing()
    {
        await using var server = await StartServerAsync();
        await using var cluster = await ClusterFixture.StartAsync(server, Stop);
        var sample = Yaml.ToJson(
            await File.ReadAllTextAsync(Repository.Path("samples", "ragengine", "bge-small.yaml"), Stop))!;
        sample["metadata"]!["namespace"] = "default";
        await cluster.Api.CreateAsync(
            KubeKinds.RagEngines, JsonSerializer.Deserialize(sample, WorkspaceJson.Default.RagEngineResource)!, Stop);

        var claim = await FirstAsync(cluster, KubeKinds.NodeClaims, static _ => true, "a NodeClaim is asked for");
        Assert.Equal("ragengine-bge-small", claim.Metadata.Labels!.GetValueOrDefault(Labels.RagEngine));
        if (!server.HasNodes)
        {
            Assert.Null(await cluster.Api.GetAsync(KubeKinds.Deployments, "default", "ragengine-bge-small", Stop));
            await cluster.MarkReadyAsync(claim, Stop);
        }

        await FirstAsync(cluster, KubeKinds.Deployments, static _ => true, "the Deployment is there");
        Assert.NotNull(await cluster.Api.GetAsync(KubeKinds.Services, "default", "ragengine-bge-small", Stop));
        var reason = "ImagePullError";
        if (!server.HasNodes)
        {
            var pod = await FirstAsync(
                cluster, KubeKinds.Pods, static p => p.Metadata.Labels?.ContainsKey(Labels.RagEngine) == true, "a pod");
            await cluster.StatusAsync(
                KubeKinds.Pods, pod, """{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}""", Stop);
            reason = "RAGEngineServiceSuccess";
        }

        // The development cluster has no image of the service: then the condition says just that.
        var engine = await FirstAsync(
            cluster, KubeKinds.RagEngines,
            e => e.Status?.Conditions?.Any(
                c => c.Type == ConditionTypes.ServiceReady && c.Reason == reason) == true, $"ServiceReady says {reason}");
        Assert.Equal(
            server.HasNodes ? Condition.False : Condition.True,
            engine.Status!.Conditions!.Value.Single(static c => c.Type == ConditionTypes.RagEngineSucceeded).Status);

        await cluster.Api.DeleteAsync(engine, Stop);
        await ClusterFixture.UntilAsync(
            async () => (await cluster.Api.ListAsync(KubeKinds.RagEngines, null, null, Stop)).Items.IsEmpty ? "" : null,
            "the RAGEngine is gone", Stop);
        Assert.Empty((await cluster.Api.ListAsync(KubeKinds.NodeClaims, null, null, Stop)).Items);
        await ClusterFixture.UntilAsync(
            async () => (await cluster.Api.ListAsync(KubeKinds.Deployments, null, Labels.RagEngine, Stop)).Items.IsEmpty
                ? "" : null,
            "the Deployment is gone", Stop);
    }
}
