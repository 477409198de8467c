using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator;
using Kaito.Operator.Cluster;
using Kaito.Operator.Nodes;

namespace Kaito.Tests.Operator.Nodes;

public sealed class NodeStrategyTests
{
    private const string A100 = "Standard_NC24ads_A100_v4";
    private const string H100 = "Standard_NC40ads_H100_v5";

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };
    private static readonly OperatorOptions s_claims = new();
    private static readonly OperatorOptions s_existing = new() { NodeProvisioner = NodeProvisioner.Existing };

    private static readonly OperatorOptions s_karpenter = new()
    {
        NodeProvisioner = NodeProvisioner.Karpenter,
        Karpenter = new() { Classes = [new("gpu", true, "{}"), new("other", false, "{}")] },
    };

    private static readonly NodeClass s_class = new()
    {
        Metadata = new() { Name = "gpu" },
        Status = new() { Conditions = [new() { Type = "Ready", Status = "True" }] },
    };

    [Fact]
    public void Karpenter_NothingThere_AsksForAPool() =>
        Match("karpenter-nothing-there", Karpenter(Demand(2), new()));

    [Fact]
    public void Karpenter_ReplicaOfAnInferenceSet_NamesTheSetAndHoldsDriftBack()
    {
        var set = ImmutableSortedDictionary<string, string>.Empty
            .Add(Labels.KarpenterInferenceSet, "set").Add(Labels.KarpenterInferenceSetNamespace, "team");

        Match("karpenter-inference-set", Karpenter(Demand(1) with { SetLabels = set }, new()));
    }

    [Fact]
    public void Existing_EnoughNodes_IsReadyAndAsksForNothing() => Match(
        "existing-ready",
        NodeStrategy.Plan(
            Demand(2, "") with { PreferredNodes = ["b"] },
            Observed(new() { Others = [Node("a", "apps=phi"), Node("b", ""), Node("c", "")] }), s_existing));

    [Fact]
    public void Claims_UsersNodes_AreUsedBeforeAnythingIsAskedFor() => Match(
        "claims-adopted",
        NodeStrategy.Plan(
            Demand(2), Observed(new() { Others = [Node("mine", $"apps=phi,{Labels.InstanceType}={A100}")] }), s_claims));

    [Theory]
    [InlineData("azure", null, "kaito.sh/KaitoNodeClass", "karpenter.azure.com/sku-name", "ubuntu")]
    [InlineData("azure", "azurelinux", "kaito.sh/KaitoNodeClass", "karpenter.azure.com/sku-name", "azurelinux")]
    [InlineData("aws", null, "karpenter.k8s.aws/EC2NodeClass", "karpenter.k8s.aws/instance-gpu-count", "ubuntu")]
    public void Claim_OfEachCloud_HasItsNodeClassRequirementAndTheImageFamilyAskedFor(
        string cloud, string? family, string nodeClass, string requirement, string expected)
    {
        var claim = NodeClaims.Render(Demand(1) with { ImageFamily = family }, "c", A100, s_claims with { Cloud = cloud });

        Assert.Equal(nodeClass, $"{claim.Spec!.NodeClassRef!.Group}/{claim.Spec.NodeClassRef.Kind}");
        Assert.Equal(requirement, claim.Spec.Requirements!.Value[^1].Key);
        Assert.Equal(expected, claim.Metadata.Annotations![Annotations.NodeImageFamily]);
        Assert.Equal("100Gi", claim.Spec.Resources!.Requests!["storage"]);
    }

    [Theory]
    [InlineData("karpenter.azure.com", 2)]
    [InlineData("karpenter.example.com", 1)]
    public void Karpenter_GroupOfAnotherCloud_HasNoRequirementOfAzures(string group, int requirements) => Assert.Equal(
        requirements,
        NodePools.Render(Demand(1), "p", 1, "gpu", s_karpenter.Karpenter with { Group = group })
            .Spec!.Template!.Spec!.Requirements!.Value.Length);

    [Theory]
    [InlineData("team", "phi", "team-phi")]
    [InlineData("n", 61, 63)]
    [InlineData("n", 62, 63)]
    [InlineData("namespace-of-many-letters", 60, 63)]
    public void PoolName_IsNamespaceAndNameWithin63Characters(string space, object name, object expected)
    {
        var text = name as string ?? new string('x', (int)name);

        var pool = NodePools.Name(Demand(1) with { Namespace = space, Name = text }, []);

        Assert.Equal(expected, expected is int ? pool.Length : pool);
        Assert.Equal(pool, NodePools.Name(Demand(1) with { Namespace = space, Name = text }, []));
        Assert.StartsWith($"{space}-{text}"[..Math.Min(53, $"{space}-{text}".Length)], pool, StringComparison.Ordinal);
    }

    [Fact]
    public void PoolName_TakenByAnother_IsMadeUnique()
    {
        var other = new NodePool { Metadata = new() { Name = "team-phi", Labels = Text("x=y") } };

        var name = NodePools.Name(Demand(1), [other]);

        Assert.NotEqual("team-phi", name);
        Assert.StartsWith("team-phi-", name, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 3, true, 3)]
    [InlineData(3, 3, false, 3)]
    [InlineData(5, 3, false, 5)]
    [InlineData(5, 3, true, 3)]
    public void Karpenter_PoolIsThere_ReplicasAreRaisedAtOnceAndLoweredOnlyWhenServed(
        int now, int wanted, bool served, int expected)
    {
        var nodes = Enumerable.Range(0, served ? wanted : 0)
            .Select(i => Node($"n{i}", $"apps=phi,{Labels.InstanceType}={A100},{Pool()}"));
        var claims = Enumerable.Range(0, served ? wanted : 0).Select(static i => Claim($"c{i}", A100, "True", "team-phi"));

        var plan = Karpenter(Demand(wanted), new() { Pools = [ThePool(now)], Nodes = [.. nodes], Claims = [.. claims] });

        Assert.Equal(expected, Assert.IsType<NodePool>(Assert.Single(plan.Missing)).Spec!.Replicas);
        Assert.Equal(served, plan.Ready);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 0)]
    public void Karpenter_UsersNodes_ReduceThePool(int mine, int expected)
    {
        var others = Enumerable.Range(0, mine).Select(static i => Node($"m{i}", $"apps=phi,{Labels.InstanceType}={A100}"));

        var plan = Karpenter(Demand(2), new() { Others = [.. others] });

        Assert.Equal(expected, plan.Missing.OfType<NodePool>().Sum(static p => p.Spec!.Replicas));
        Assert.True(plan.Placement.Terms.Length > 1);
    }

    [Theory]
    [InlineData("other", "NodeClassNotReady", "other does not exist")]
    [InlineData("mine", "NodeClassNotPermitted", "\"mine\" is not permitted; use one of gpu, other")]
    public void Karpenter_NodeClassIsWrong_SaysSoAndAsksForNothing(string named, string reason, string expected)
    {
        var plan = Karpenter(Demand(1) with { NodeClass = named }, new());

        Assert.Empty(plan.Missing);
        Assert.Equal(reason, plan.Conditions[0].Reason);
        Assert.Contains(expected, plan.Conditions[0].Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData("kaito.sh/workspace=another", 0)]
    [InlineData("karpenter.kaito.sh/workspace-name=another", 0)]
    public void Claims_NodeOfAnotherOwner_IsNotUsed(string label, int adopted)
    {
        var node = Node("n", $"apps=phi,{Labels.InstanceType}={A100},{label}");

        Assert.Equal(
            adopted, NodeStrategy.Plan(Demand(1), Observed(new() { Others = [node] }), s_claims).Nodes.Length);
    }

    [Fact]
    public void Claims_NodeWithPodsOfAnother_IsNotUsed()
    {
        var node = Node("n", $"apps=phi,{Labels.InstanceType}={A100}");

        var plan = NodeStrategy.Plan(Demand(1), Observed(new() { Others = [node], Busy = ["n"] }), s_claims);

        Assert.Single(plan.Missing);
    }

    [Fact]
    public void Claims_WorkloadMadeWithoutUsersNodesServes_StaysAsItIs()
    {
        var own = Node("own", $"{Labels.Workspace}=phi,{Labels.NodePool}=kaito,{Labels.InstanceType}={A100}");
        var plan = NodeStrategy.Plan(
            Demand(1),
            Observed(new()
            {
                Nodes = [own],
                Claims = [Claim("c", A100, "True")],
                Others = [Node("mine", $"apps=phi,{Labels.InstanceType}={A100}")],
                Terms = [new()],
            }),
            s_claims);

        Assert.Single(plan.Placement.Terms);
        Assert.Empty(plan.Surplus);
        Assert.True(plan.Ready);
    }

    [Fact]
    public void Claims_CloudRefusesTheFirstType_TheNextIsAskedForOnce()
    {
        var demand = Demand(1) with { FallbackInstanceTypes = [H100] };
        var first = Assert.IsType<NodeClaim>(Assert.Single(Claims(demand, []).Missing));
        Assert.Equal(A100, Type(first));
        var refused = Claim(first.Metadata.Name!, A100, "False");

        var next = Claims(demand, [refused]);

        var second = Assert.IsType<NodeClaim>(Assert.Single(next.Missing));
        Assert.Equal(H100, Type(second));
        Assert.NotEqual(first.Metadata.Name, second.Metadata.Name);
        Assert.Empty(next.Surplus);
        var waiting = Claims(demand, [refused, second]);
        Assert.Empty(waiting.Missing);
        Assert.Contains($"{H100} is asked for instead", waiting.Conditions[0].Message, StringComparison.Ordinal);

        var node = Node("n", $"{Labels.Workspace}=phi,{Labels.NodePool}=kaito,{Labels.InstanceType}={H100}");
        var served = NodeStrategy.Plan(
            demand,
            Observed(new() { Claims = [refused, Claim(second.Metadata.Name!, H100, "True")], Nodes = [node] }), s_claims);
        Assert.True(served.Ready);
        Assert.Equal(first.Metadata.Name, Assert.Single(served.Surplus).Metadata.Name);
    }

    [Fact]
    public void Claims_EveryTypeIsRefused_WaitsWithoutAskingForMore()
    {
        var demand = Demand(1) with { FallbackInstanceTypes = [H100] };
        var claims = new[] { Claim(ClaimSlots.Name(demand, 0), A100, "False"), Claim(ClaimSlots.Name(demand, 0, 1), H100, "False") };

        Assert.Empty(Claims(demand, claims).Missing);
    }

    [Fact]
    public void Claims_CloudTookTheClaimAway_TheNextTypeIsAskedForWhileItPauses()
    {
        var demand = Demand(1) with { FallbackInstanceTypes = [H100] };

        var plan = NodeStrategy.Plan(demand, Observed(new() { Refused = [ClaimSlots.Name(demand, 0)] }), s_claims);

        Assert.Equal(H100, Type(Assert.IsType<NodeClaim>(Assert.Single(plan.Missing))));
    }

    [Theory]
    [InlineData("nvidia.com/gpu", 1, "NodesReady")]
    [InlineData("nvidia.com/gpu", 2, "NodePluginsNotReady")]
    [InlineData("nvidia.com/mig-1g.10gb", 1, "NodePluginsNotReady")]
    public void Existing_NodeLacksWhatPodsAskFor_IsNotReady(string resource, int gpus, string expected)
    {
        var plan = NodeStrategy.Plan(
            Demand(1, "") with { GpuResource = resource, Gpus = gpus },
            Observed(new() { Others = [Node("a", "apps=phi")] }), s_existing);

        Assert.Equal(expected, plan.Conditions[0].Reason);
        Assert.Equal((resource, gpus), (plan.Placement.GpuResource, plan.Placement.Gpus));
    }

    private sealed record Situation
    {
        public ImmutableArray<NodeClaim> Claims { get; init; } = [];

        public ImmutableArray<Node> Nodes { get; init; } = [];

        public ImmutableArray<Node> Others { get; init; } = [];

        public ImmutableArray<NodePool> Pools { get; init; } = [];

        public ImmutableHashSet<string> Busy { get; init; } = [];

        public ImmutableHashSet<string> Refused { get; init; } = [];

        public ImmutableArray<NodeSelectorTerm> Terms { get; init; } = [];
    }

    private static NodeObservation Observed(Situation there) => new()
    {
        Claims = there.Claims,
        Nodes = there.Nodes,
        Others = there.Others,
        Pools = there.Pools,
        Busy = there.Busy,
        Refused = there.Refused,
        Terms = there.Terms,
        NodeClasses = [s_class],
        Pods = [],
        Conditions = [],
    };

    private static NodePlan Karpenter(NodeDemand demand, Situation there) =>
        NodeStrategy.Plan(demand, Observed(there), s_karpenter);

    private static NodePlan Claims(NodeDemand demand, NodeClaim[] claims) =>
        NodeStrategy.Plan(demand, Observed(new() { Claims = [.. claims] }), s_claims);

    private static NodeDemand Demand(int count, string instanceType = A100) => new()
    {
        Owner = "workspace",
        Namespace = "team",
        Name = "phi",
        Uid = "u",
        OwnerLabels = Text($"{Labels.Workspace}=phi,{Labels.WorkspaceNamespace}=team"),
        PoolLabels = Text(Pool()),
        Labels = Text("apps=phi"),
        InstanceType = instanceType,
        Count = count,
        Disk = Kaito.Core.ByteSize.FromGi(100),
        Gpus = 1,
    };

    private static string Pool() => $"{Labels.KarpenterWorkspaceName}=phi,{Labels.KarpenterWorkspaceNamespace}=team";

    private static NodePool ThePool(int replicas) => new()
    {
        Metadata = new() { Name = "team-phi", Labels = Text(Pool()) },
        Spec = new() { Replicas = replicas },
    };

    private static string? Type(NodeClaim claim) =>
        claim.Spec!.Requirements!.Value.Single(static r => r.Key == Labels.InstanceType).Values!.Value.Single();

    private static NodeClaim Claim(string name, string type, string ready, string pool = "kaito") => new()
    {
        Metadata = new() { Name = name, Labels = Text($"{Labels.NodePool}={pool}") },
        Spec = new() { Requirements = [new() { Key = Labels.InstanceType, Operator = "In", Values = [type] }] },
        Status = new()
        {
            Conditions =
            [
                new() { Type = "Launched", Status = ready, Reason = "InsufficientCapacity", Message = "no capacity" },
                new() { Type = "Ready", Status = ready },
            ],
        },
    };

    private static Node Node(string name, string labels) => new()
    {
        Metadata = new() { Name = name, Labels = Text(labels) },
        Status = new()
        {
            Capacity = Text("nvidia.com/gpu=1"),
            Conditions = [new() { Type = "Ready", Status = "True" }],
        },
    };

    private static ImmutableSortedDictionary<string, string> Text(string pairs) => pairs
        .Split(',', StringSplitOptions.RemoveEmptyEntries).Select(static p => p.Split('='))
        .ToImmutableSortedDictionary(static p => p[0], static p => p[1]);

    private static void Match(string name, NodePlan plan)
    {
        var objects = plan.Missing.Select(
            static o => JsonNode.Parse(KubeKinds.Describe(o).Json)!.ToJsonString(s_indented));
        var terms = plan.Placement.Terms.Select(static t => string.Join(
            " and ", (t.MatchExpressions ?? []).Concat(t.MatchFields ?? []).Select(
                static e => $"{e.Key} {e.Operator} [{string.Join(", ", e.Values ?? [])}]")));
        Golden.Match(
            string.Join("\n---\n", objects), $"Cases/{name}/apply.golden.json");
        Golden.Match(string.Join('\n', terms), $"Cases/{name}/placement.golden.txt");
        Golden.Match(
            string.Join('\n', plan.Conditions.Select(static c => $"{c.Type} {c.Status} {c.Reason}: {c.Message}")),
            $"Cases/{name}/conditions.golden.txt");
    }
}
