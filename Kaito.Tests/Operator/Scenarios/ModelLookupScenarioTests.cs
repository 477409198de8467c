using System.Collections.Immutable;
using System.Net;
using Kaito.Core.Api;
using Kaito.Operator;
using Kaito.Operator.Cluster;
using Kaito.Tests.Operator.Models;

namespace Kaito.Tests.Operator.Scenarios;

/// <summary>Models that the catalogue lacks, from a Workspace to its pods.</summary>
public sealed class ModelLookupScenarioTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Workspace_RepositoryOfTheHub_SaysWhyNotAndIsServedOnceTheHubAnswers()
    {
        await using var hub = await HubServer.StartAsync(Stop);
        await using var server = await ScenarioServer.DevClusterAsync();
        await using var cluster = await ClusterFixture.StartAsync(
            server.Kubeconfig, new OperatorOptions { ModelHub = hub.Address }, Stop);
        hub.On("/api/models/me/slow/tree/main", static http => Task.Delay(Timeout.Infinite, http.RequestAborted));
        hub.Refuses("me/Tiny-Llama", HttpStatusCode.Forbidden);

        await cluster.Api.CreateAsync(KubeKinds.Workspaces, Wanted("slow", "me/slow"), Stop);
        await cluster.Api.CreateAsync(KubeKinds.Workspaces, Wanted("tiny", "me/Tiny-Llama"), Stop);

        var denied = await ConditionAsync(cluster, "tiny", ConditionTypes.ResourceReady, "ModelAccessDenied");
        Assert.Contains("presetOptions.modelAccessSecret", denied.Message, StringComparison.Ordinal);
        await ConditionAsync(cluster, "slow", ConditionTypes.InferenceReady, "ModelLookupPending");
        Assert.Empty((await cluster.Api.ListAsync(KubeKinds.NodeClaims, null, null, Stop)).Items);

        hub.Has("me/Tiny-Llama", """
            {"architectures":["LlamaForCausalLM"],"hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4}
            """);
        var pods = await ClusterFixture.UntilAsync(
            () => cluster.Api.GetAsync(KubeKinds.StatefulSets, "default", "tiny", Stop), "the model's pods are there", Stop);
        Assert.Contains(
            pods.Spec!.Template!.Spec!.Containers!.Value[0].Env!.Value, static e => e is { Name: "KAITO_MODEL_REPOSITORY", Value: "me/Tiny-Llama" });
        await ConditionAsync(cluster, "slow", ConditionTypes.InferenceReady, "ModelLookupPending");
    }

    private static WorkspaceResource Wanted(string name, string repository) => new()
    {
        Metadata = new() { Name = name, Namespace = "default" },
        Resource = new()
        {
            InstanceType = "Standard_NC24ads_A100_v4",
            LabelSelector = new()
            {
                MatchLabels = ImmutableSortedDictionary<string, string>.Empty.Add("apps", name),
            },
        },
        Inference = new() { Preset = new() { Name = repository } },
    };

    private static Task<Condition> ConditionAsync(ClusterFixture cluster, string name, string type, string reason) =>
        ClusterFixture.UntilAsync(
            async () => ((await cluster.Api.GetAsync(KubeKinds.Workspaces, "default", name, Stop))?.Status?.Conditions ?? [])
                .FirstOrDefault(c => c.Type == type && c.Reason == reason),
            $"{name} has {type} {reason}", Stop);
}
