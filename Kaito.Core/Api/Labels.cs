namespace Kaito.Core.Api;

/// <summary>Label keys that KAITO owns, with who writes them.</summary>
public static class Labels
{
    /// <summary>Workspace name; on NodeClaims, workload selectors, pods, PVC templates and Services.</summary>
    public const string Workspace = "kaito.sh/workspace";

    /// <summary>Workspace namespace; on NodeClaims, and so on their Nodes.</summary>
    public const string WorkspaceNamespace = "kaito.sh/workspacenamespace";

    /// <summary>RAGEngine name; on its NodeClaims and pods.</summary>
    public const string RagEngine = "kaito.sh/ragengine";

    /// <summary>RAGEngine namespace; on its NodeClaims.</summary>
    public const string RagEngineNamespace = "kaito.sh/ragenginenamespace";

    /// <summary>
    /// On a gpu-provisioner NodeClaim, always <see cref="DummyNodePool"/>: Karpenter's core leaves it alone.
    /// </summary>
    public const string NodePool = "karpenter.sh/nodepool";

    /// <summary>The value of <see cref="NodePool"/>; no such pool exists.</summary>
    public const string DummyNodePool = "kaito";

    /// <summary>On a Machine of karpenter.sh/v1alpha5 and its node, what <see cref="NodePool"/> is on a NodeClaim.</summary>
    public const string ProvisionerName = "karpenter.sh/provisioner-name";

    /// <summary>Workspace name; on NodePools and what they make.</summary>
    public const string KarpenterWorkspaceName = "karpenter.kaito.sh/workspace-name";

    /// <summary>Workspace namespace; on NodePools and what they make.</summary>
    public const string KarpenterWorkspaceNamespace = "karpenter.kaito.sh/workspace-namespace";

    /// <summary>RAGEngine name; on NodePools and what they make.</summary>
    public const string KarpenterRagEngineName = "karpenter.kaito.sh/ragengine-name";

    /// <summary>RAGEngine namespace; on NodePools and what they make.</summary>
    public const string KarpenterRagEngineNamespace = "karpenter.kaito.sh/ragengine-namespace";

    /// <summary>InferenceSet name; on NodePools of its children.</summary>
    public const string KarpenterInferenceSet = "karpenter.kaito.sh/inferenceset";

    /// <summary>InferenceSet namespace; on NodePools of its children.</summary>
    public const string KarpenterInferenceSetNamespace = "karpenter.kaito.sh/inferenceset-namespace";

    /// <summary><c>kaito</c> on NodePools and NodeClasses that the operator made.</summary>
    public const string KarpenterManagedBy = "karpenter.kaito.sh/managed-by";

    /// <summary><c>true</c> on the NodeClass of those who name none.</summary>
    public const string KarpenterDefault = "karpenter.kaito.sh/default";

    /// <summary><c>nvidia</c> on Nodes whose device plugin works.</summary>
    public const string Accelerator = "accelerator";

    /// <summary>InferenceSet name; on child Workspaces and their pods.</summary>
    public const string CreatedByInferenceSet = "inferenceset.kaito.sh/created-by";

    /// <summary>MultiRoleInference name; on child InferenceSets and what they make.</summary>
    public const string CreatedByMultiRoleInference = "multiroleinference.kaito.sh/created-by";

    /// <summary><c>prefill</c> or <c>decode</c>.</summary>
    public const string InferenceRole = "kaito.sh/inference-role";

    /// <summary>
    /// Tag of the serving image that automatic upgrades ask for; on child Workspaces, and stays there afterwards.
    /// </summary>
    public const string UpgradeToVersion = "kaito.sh/upgrade-to-version";

    /// <summary>Owner name, on the ControllerRevisions of a Workspace.</summary>
    public const string RevisionOwner = "workspace.kaito.io/name";

    /// <summary>Cloud instance type of a Node; written by the cloud provider.</summary>
    public const string InstanceType = "node.kubernetes.io/instance-type";

    /// <summary>Keys taken out of a user's label selector before it selects nodes.</summary>
    public static IReadOnlyCollection<string> ReservedInSelectors { get; } =
    [
        Workspace, WorkspaceNamespace, RagEngine, RagEngineNamespace, KarpenterWorkspaceName,
        KarpenterWorkspaceNamespace, KarpenterRagEngineName, KarpenterRagEngineNamespace, KarpenterInferenceSet, KarpenterInferenceSetNamespace,
    ];
}

/// <summary>Annotation keys that KAITO owns, with who reads them.</summary>
public static class Annotations
{
    /// <summary>Exactly <c>True</c>: the Service is of type LoadBalancer.</summary>
    public const string EnableLoadBalancer = "kaito.sh/enablelb";

    /// <summary>Inference runtime, see <c>inference.runtime</c>; the field wins.</summary>
    public const string Runtime = "kaito.sh/runtime";

    /// <summary>Present, with any value: a model that does not fit is a warning, not an error.</summary>
    public const string BypassResourceChecks = "kaito.sh/bypass-resource-checks";

    /// <summary><c>ubuntu</c> or <c>azurelinux</c>; copied to NodeClaims.</summary>
    public const string NodeImageFamily = "kaito.sh/node-image-family";

    /// <summary>Karpenter NodeClass to use instead of the operator's default one.</summary>
    public const string NodeClassName = "kaito.sh/node-class-name";

    /// <summary><c>true</c>: no benchmark at start-up; <c>false</c>: one on runtime onnx too.</summary>
    public const string DisableBenchmark = "kaito.sh/disable-benchmark";

    /// <summary><c>balanced</c>, <c>interactivity</c> or <c>throughput</c>.</summary>
    public const string PerformanceMode = "kaito.sh/performance-mode";

    /// <summary><c>true</c>: weights come from a folder of the node; otherwise <c>false</c>.</summary>
    public const string UseLocalWeights = "kaito.sh/use-local-weights";

    /// <summary>Hash of resource, inference and tuning; on Workspaces and their ControllerRevisions.</summary>
    public const string Hash = "workspace.kaito.io/hash";

    /// <summary>Number of the ControllerRevision; on Workspaces and their workloads.</summary>
    public const string Revision = "workspace.kaito.io/revision";

    /// <summary>Hash of an InferenceSet's template; on the Workspaces that were made from it.</summary>
    public const string InferenceSetHash = "inferenceset.kaito.io/hash";

    /// <summary>When an automatic upgrade of the Workspace began, in RFC 3339.</summary>
    public const string UpgradeStartTime = "kaito.sh/upgrade-start-time";

    /// <summary><c>true</c> on InferenceSets: keda-kaito-scaler makes a ScaledObject for it.</summary>
    public const string KedaAutoProvision = "scaledobject.kaito.sh/auto-provision";

    /// <summary>Most replicas; read by keda-kaito-scaler.</summary>
    public const string KedaMaxReplicas = "scaledobject.kaito.sh/max-replicas";

    /// <summary>Target of its metric; read by keda-kaito-scaler.</summary>
    public const string KedaThreshold = "scaledobject.kaito.sh/threshold";

    /// <summary><c>true</c> on NodeClaims: Karpenter must not consolidate the node away.</summary>
    public const string DoNotDisrupt = "karpenter.sh/do-not-disrupt";

    /// <summary>What an InferenceSet hands on to its Workspaces unless the template says otherwise.</summary>
    public static IReadOnlyCollection<string> FromSetToReplica { get; } = [DisableBenchmark, Runtime];
}

/// <summary>Finalizers that KAITO's controllers put on objects.</summary>
public static class Finalizers
{
    /// <summary>On Workspaces, until their NodeClaims are gone.</summary>
    public const string Workspace = "workspace.finalizer.kaito.sh";

    /// <summary>On InferenceSets, until their Workspaces are gone.</summary>
    public const string InferenceSet = "inferenceset.finalizer.kaito.sh";

    /// <summary>On RAGEngines, until their NodeClaims are gone.</summary>
    public const string RagEngine = "ragengine.finalizer.kaito.sh";
}
