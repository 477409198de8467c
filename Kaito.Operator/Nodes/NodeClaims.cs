using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Nodes;

/// <summary>PURE: a request for one node.</summary>
internal static class NodeClaims
{
    // The one name that every gpu-provisioner of that time expects.
    private const string LegacyPool = "default";

    public static NodeClaim Render(NodeDemand demand, string name, string instanceType, OperatorOptions options)
    {
        var claim = Claim(demand, name, instanceType, options);
        return options.NodeProvisioner == NodeProvisioner.Machine ? Machine(claim) : claim;
    }

    // The same request in the words of karpenter.sh/v1alpha5.
    private static NodeClaim Machine(NodeClaim claim) => claim with
    {
        ApiVersion = NodeClaim.LegacyVersion,
        Kind = NodeClaim.LegacyKind,
        Metadata = claim.Metadata with
        {
            Labels = claim.Metadata.Labels!.Remove(Labels.NodePool).SetItem(Labels.ProvisionerName, LegacyPool),
        },
        Spec = claim.Spec! with
        {
            NodeClassRef = null,
            MachineTemplateRef = new() { Name = claim.Metadata.Name },
            Requirements =
            [
                .. claim.Spec!.Requirements!.Value.Select(static r =>
                    r.Key == Labels.NodePool ? In(Labels.ProvisionerName, LegacyPool) : r),
            ],
        },
    };

    private static NodeClaim Claim(
        NodeDemand demand, string name, string instanceType, OperatorOptions options) => new()
        {
            Metadata = new()
            {
                Name = name,
                Labels = ImmutableSortedDictionary<string, string>.Empty
                .Add(Labels.NodePool, Labels.DummyNodePool)
                .AddRange(demand.OwnerLabels)
                .SetItems(demand.Labels),
                Annotations = ImmutableSortedDictionary<string, string>.Empty
                .Add(Annotations.DoNotDisrupt, "true")
                .Add(Annotations.NodeImageFamily, demand.ImageFamily ?? options.NodeImageFamily),
            },
            Spec = new()
            {
                NodeClassRef = options.Cloud switch
                {
                    "aws" => new() { Group = "karpenter.k8s.aws", Kind = "EC2NodeClass", Name = "default" },
                    _ => new() { Group = "kaito.sh", Kind = "KaitoNodeClass", Name = "default" },
                },
                Requirements = [.. Requirements(instanceType, options.Cloud)],
                Resources = new()
                {
                    Requests = ImmutableSortedDictionary<string, string>.Empty.Add("storage", demand.Disk.ToString()),
                },
                Taints = [new() { Key = "sku", Value = "gpu", Effect = "NoSchedule" }],
            },
        };

    private static IEnumerable<NodeSelectorRequirement> Requirements(string instanceType, string cloud)
    {
        yield return In(Labels.NodePool, Labels.DummyNodePool);
        yield return In(Labels.InstanceType, instanceType);
        yield return In("kubernetes.io/os", "linux");
        if (cloud == "azure")
        {
            yield return In("karpenter.azure.com/sku-name", instanceType);
        }
        else if (cloud == "aws")
        {
            yield return new() { Key = "karpenter.k8s.aws/instance-gpu-count", Operator = "Gt", Values = ["0"] };
        }
    }

    private static NodeSelectorRequirement In(string key, string value) =>
        new() { Key = key, Operator = "In", Values = [value] };
}
