namespace Kaito.Operator.Nodes;

/// <summary>Where nodes come from.</summary>
internal enum NodeProvisioner
{
    /// <summary>One NodeClaim per node, answered by gpu-provisioner.</summary>
    AzureGpuProvisioner,

    /// <summary>One Machine of karpenter.sh/v1alpha5 per node, answered by a gpu-provisioner that knows no NodeClaims.</summary>
    Machine,

    /// <summary>One NodePool per owner, answered by Karpenter.</summary>
    Karpenter,

    /// <summary>The nodes that are there; none is asked for.</summary>
    Existing,
}

/// <summary>PURE: how nodes come to be, by what the operator was told.</summary>
internal static class NodeStrategy
{
    public static NodePlan Plan(NodeDemand demand, NodeObservation observed, OperatorOptions options) =>
        options.NodeProvisioner switch
        {
            NodeProvisioner.Karpenter => NodePoolStrategy.Plan(demand, observed, options),
            NodeProvisioner.Existing => ExistingNodeStrategy.Plan(demand, observed),
            _ => NodeClaimStrategy.Plan(demand, observed, options),
        };
}
