using Kaito.Core.Api;
using Kaito.Core.Hardware;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Workspaces;
using Kaito.Tests.Operator.Rendering;

namespace Kaito.Tests.Operator.Nodes;

/// <summary>Azure Local: its instance types are asked for with a node class.</summary>
public sealed class ArcTests
{
    public static TheoryData<string> Types() => [.. SkuCatalog.Arc.Skus.Select(static s => s.Name)];

    [Theory]
    [MemberData(nameof(Types))]
    public void Plan_EveryInstanceType_AsksForANodeWithAClass(string type)
    {
        var plan = WorkspacePlanner.Plan(
            WorkloadCases.Workspace("phi-3-mini-4k-instruct", type), new(), WorkloadCases.Options with { Cloud = "arc" });

        var claim = Assert.Single(plan.Apply.OfType<NodeClaim>());
        Assert.Equal(
            ("kaito.sh", "KaitoNodeClass", "default"),
            (claim.Spec!.NodeClassRef!.Group, claim.Spec.NodeClassRef.Kind, claim.Spec.NodeClassRef.Name));
        var requirements = claim.Spec.Requirements!.Value;
        Assert.Equal([type], requirements.Single(static r => r.Key == Labels.InstanceType).Values!.Value);
        Assert.DoesNotContain(requirements, static r => r.Key!.StartsWith("karpenter.azure.com", StringComparison.Ordinal));
    }
}
