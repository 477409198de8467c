using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Tests.Operator.Scenarios;

public abstract partial class WorkspaceScenario
{
    private static readonly JsonElement s_folder = JsonDocument.Parse("""{"emptyDir": {}}""").RootElement;

    [Fact]
    public async Task Workspace_OfEveryKindOfWork_IsTakenByTheServerAsRendered()
    {
        await using var server = await StartServerAsync();
        await using var cluster = await ClusterFixture.StartAsync(server, Stop);
        var vllm = Wanted("phi-4").Inference! with
        {
            Runtime = "vllm",
            Adapters =
            [
                new() { Source = new() { Name = "poet", Image = "registry.example.com/poet:1", ImagePullSecrets = ["p"] } },
                new() { Source = new() { Name = "a.b", VolumeSource = s_folder } },
            ],
        };
        await CreateAsync("vllm", static w => w, vllm);
        await CreateAsync("template", static w => w, new() { Template = Template("img:1") });
        await CreateAsync(
            "replicas", static w => w, Wanted("phi-3.5-mini-instruct").Inference! with { Runtime = "onnx", Replicas = 2 });
        await CreateAsync("tuning", static w => w with
        {
            Tuning = new()
            {
                Preset = new() { Name = "phi-4-mini-instruct" },
                Method = "lora",
                Input = new() { Image = "registry.example.com/data:1" },
                Output = new() { VolumeSource = s_folder },
            },
        }, null);

        var claims = await ClusterFixture.UntilAsync(
            async () => await ClaimsAsync() is { Length: 5 } all ? all.ToList() : null, "five NodeClaims are there", Stop);
        foreach (var claim in server.HasNodes ? [] : claims)
        {
            await cluster.MarkReadyAsync(claim, Stop);
        }

        var before = await WorkloadAsync("template", "img:1");
        Assert.Equal(2, (await WorkloadAsync("replicas")).Spec!.Replicas);
        Assert.Equal("a.b", (await WorkloadAsync("vllm")).Spec!.Template!.Spec!.Containers!.Value[0].VolumeMounts!.Value[^1]
            .MountPath!.Split('/')[^1]);
        await FirstAsync(cluster, KubeKinds.Jobs, static j => j.Metadata.Name == "tuning", "the Job is there");
        await BudgetAsync(cluster, "replicas");
        await FirstAsync(
            cluster, KubeKinds.Workspaces, w => w.Metadata.Name == "tuning" && Started(w) == (
                server.HasNodes ? "ImagePullError" : "WorkspaceTuningJobStatusPending"), "JobStarted says why not");

        await cluster.Api.PatchAsync(
            KubeKinds.Workspaces, Named("template"),
            new() { ["inference"] = new JsonObject { ["template"] = JsonNode.Parse(Template("img:2").GetRawText()) } },
            status: false, Stop);
        var after = await WorkloadAsync("template", "img:2");
        Assert.Equal(before.Metadata.Uid, after.Metadata.Uid);
        Assert.Equal(claims.Count, (await ClaimsAsync()).Length);

        Task CreateAsync(string name, Func<WorkspaceResource, WorkspaceResource> change, InferenceSpec? inference) =>
            cluster.Api.CreateAsync(
                KubeKinds.Workspaces, change(Wanted("")) with { Metadata = Named(name).Metadata, Inference = inference },
                Stop);

        async Task<ImmutableArray<NodeClaim>> ClaimsAsync() =>
            (await cluster.Api.ListAsync(KubeKinds.NodeClaims, null, null, Stop)).Items;

        Task<StatefulSet> WorkloadAsync(string name, string? image = null) => FirstAsync(
            cluster, KubeKinds.StatefulSets, s => s.Metadata.Name == name
                && (image is null || s.Spec?.Template?.Spec?.Containers?[0].Image == image), $"{name} {image} is there");
    }

    // A server before policy/v1 has none, and all the rest.
    private static async Task BudgetAsync(ClusterFixture cluster, string name)
    {
        if (await cluster.Api.GetAsync("apis/policy/v1", Stop) is not null)
        {
            await FirstAsync(cluster, KubeKinds.Budgets, b => b.Metadata.Name == name, $"the budget {name} is there");
        }
    }

    private static WorkspaceResource Named(string name) =>
        new() { Metadata = new() { Name = name, Namespace = "default" } };

    private static string? Started(WorkspaceResource workspace) => (workspace.Status?.Conditions ?? [])
        .FirstOrDefault(static c => c.Type == ConditionTypes.JobStarted)?.Reason;

    private static JsonElement Template(string image) => JsonDocument.Parse(
        """{"spec": {"containers": [{"name": "own", "image": "IMAGE", "stdin": true}]}}"""
            .Replace("IMAGE", image, StringComparison.Ordinal)).RootElement;
}
