using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Hardware;
using Kaito.Core.Kubernetes;
using Kaito.Core.RagEngines;
using Kaito.Operator;
using Kaito.Operator.RagEngines;

namespace Kaito.Tests.Operator.RagEngines;

public sealed class RagEnginePlannerTests
{
    private static readonly OperatorOptions s_options = new();

    [Fact]
    public void Plan_EverythingSet_RendersTheDeployment()
    {
        var rag = Rag() with
        {
            Volume = new("index", "/data"),
            VectorDatabase = new("qdrant", new("http://qdrant:6334"), "qdrant-key"),
            Model = new(new("http://workspace-phi/v1/chat/completions"), "llm-key", 4096),
            Guardrails = "policy",
            LoadBalancer = true,
        };
        var plan = RagEnginePlanner.Plan(rag, new() { Guardrails = Map("guardrails.yaml") }, s_options);

        Golden.Match(
            string.Join("---\n", plan.Apply.Select(static o => Kaito.Core.YamlWriter.Write(
                JsonNode.Parse(Kaito.Operator.Cluster.KubeKinds.Describe(o).Json)!))),
            "everything.golden.yaml");
    }

    [Fact]
    public void Plan_RemoteEmbedding_IsHonouredByBothServices()
    {
        var rag = Rag() with { Embedding = new Embedding.Remote(new("http://embed/v1/embeddings"), "key") };

        var environment = Environment(RagEnginePlanner.Plan(rag, new(), s_options));

        Assert.Equal(
            ["remote", "remote", "http://embed/v1/embeddings", "faiss", "storage"],
            environment.Select(static e => (string?)e["value"]).OfType<string>());
        Assert.Equal(
            "key",
            (string?)environment.Single(static e => (string?)e["name"] == "REMOTE_EMBEDDING_ACCESS_SECRET")
                ["valueFrom"]!["secretKeyRef"]!["name"]);
    }

    [Fact]
    public void Plan_ComputeWithoutItsNode_AsksForTheNodeOnly()
    {
        var plan = RagEnginePlanner.Plan(Rag() with { Compute = Compute() }, new(), s_options);

        var claim = Assert.IsType<NodeClaim>(Assert.Single(plan.Apply));
        Assert.Equal("rag", claim.Metadata.Labels![Labels.RagEngine]);
        Assert.Equal("200Gi", claim.Spec!.Resources!.Requests!["storage"]);
        Assert.Contains(plan.Conditions, static c => c is { Type: ConditionTypes.ResourceReady, Status: Condition.False });
    }

    [Fact]
    public void Plan_NobodyMakesTheNodeReady_GivesTheClaimUpAndSaysSo()
    {
        var rag = Rag() with { Compute = Compute() };
        var silent = RagEnginePlanner.Plan(rag, new(), s_options).Apply.OfType<NodeClaim>().Single();
        var observed = new RagEngineObservation().ForNodes with { Claims = [silent] };

        var waiting = RagEnginePlanner.Plan(rag, new() { ForNodes = observed }, s_options);
        var hung = RagEnginePlanner.Plan(
            rag, new() { ForNodes = observed with { Hung = [silent.Metadata.Name!] } }, s_options);

        Assert.Empty(waiting.Remove);
        Assert.Equal(silent.Metadata.Name, Assert.Single(hung.Remove).Metadata.Name);
        Assert.Contains(
            "which is asked for again",
            hung.Conditions.Single(static c => c.Type == ConditionTypes.NodeClaimReady).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", null, "there is no ConfigMap ragengine-guardrails-policy-template in namespace team")]
    [InlineData("", "other.yaml", "lacks the key guardrails.yaml")]
    [InlineData("policy", null, "there is no ConfigMap policy in namespace team")]
    [InlineData("policy", "other.yaml", "lacks the key guardrails.yaml")]
    public void Plan_GuardrailsMissing_SaysSoAndStartsNothing(string named, string? key, string expected)
    {
        var observed = new RagEngineObservation { Guardrails = key is null ? null : Map(key) };

        var plan = RagEnginePlanner.Plan(Rag() with { Guardrails = named }, observed, s_options);

        Assert.Empty(plan.Apply);
        Assert.Contains(expected, plan.Conditions.Single(static c => c.Type == ConditionTypes.ServiceReady).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 1, 1, 1, "True")]
    [InlineData(0, 1, 1, 1, "False")] // not ready
    [InlineData(1, 0, 1, 1, "False")] // the ready pod is of the template before
    [InlineData(1, 1, 2, 1, "False")] // the old one is still there
    [InlineData(1, 1, 1, 0, "False")] // the controller has not seen the newest template
    public void Plan_Deployment_ServesWhenTheNewestPodIsReady(int ready, int updated, int replicas, int seen, string status)
    {
        var workload = new Deployment
        {
            Metadata = new() { Name = "rag", Generation = 1 },
            Status = new() { ReadyReplicas = ready, UpdatedReplicas = updated, Replicas = replicas, ObservedGeneration = seen },
        };

        var plan = RagEnginePlanner.Plan(Rag(), new() { Workload = workload }, s_options);

        Assert.Equal(
            [status, status],
            plan.Conditions.Where(static c => c.Type is ConditionTypes.ServiceReady or ConditionTypes.RagEngineSucceeded)
                .Select(static c => c.Status));
    }

    private static IEnumerable<JsonNode> Environment(RagEnginePlan plan) => plan.Apply.OfType<Deployment>().Single()
        .Spec!["template"]!["spec"]!["containers"]![0]!["env"]!.AsArray().Select(static e => e!);

    private static Kaito.Core.RagEngines.RagEngine Rag() => new()
    {
        Name = "rag",
        Namespace = "team",
        Uid = "rag-uid",
        Embedding = new Embedding.Model("BAAI/bge-small-en-v1.5", "hf"),
    };

    private static RagCompute Compute() => new(
        SkuCatalog.Azure.Skus.Single(static s => s.Name == "Standard_NC24ads_A100_v4"),
        ImmutableSortedDictionary<string, string>.Empty.Add("apps", "rag"));

    private static ConfigMap Map(string key) => new()
    {
        Data = ImmutableSortedDictionary<string, string>.Empty.Add(key, ""),
    };
}
