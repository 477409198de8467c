namespace Kaito.Core.Api;

/// <summary>One observed fact about an object, in the shape of metav1.Condition.</summary>
public sealed record Condition
{
    /// <summary>What the fact is about; one condition per type, see <see cref="ConditionTypes"/>.</summary>
    [Field("Type of the condition, in CamelCase.", Required = true, Pattern = TypePattern, MaxLength = 316)]
    public string Type { get => field ?? ""; init; }

    /// <summary><c>True</c>, <c>False</c> or <c>Unknown</c>.</summary>
    [Field("Whether the condition holds.", Required = true, Enum = [True, False, Unknown])]
    public string Status { get => field ?? Unknown; init; }

    /// <summary>One CamelCase word for programs.</summary>
    [Field(
        "Why the condition last changed, as one word in CamelCase.",
        Required = true, Pattern = ReasonPattern, MinLength = 1, MaxLength = 1024)]
    public string Reason { get => field ?? ""; init; }

    /// <summary>A sentence for people; may be empty.</summary>
    [Field("Why the condition last changed, for people.", Required = true, MaxLength = 32768)]
    public string Message { get => field ?? ""; init; }

    /// <summary>When <see cref="Status"/> last changed.</summary>
    [Field("When the condition last went from one status to another.", Required = true)]
    public DateTimeOffset LastTransitionTime { get; init; }

    /// <summary>The metadata.generation that the condition was computed from.</summary>
    [Field("The metadata.generation that the condition speaks about.", Minimum = 0)]
    public long? ObservedGeneration { get; init; }

    /// <summary>Status of a condition that holds.</summary>
    public const string True = "True";

    /// <summary>Status of a condition that does not hold.</summary>
    public const string False = "False";

    /// <summary>Status of a condition that could not be determined.</summary>
    public const string Unknown = "Unknown";

    private const string TypePattern =
        "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
        + "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$";

    private const string ReasonPattern = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$";
}

/// <summary>Condition types of Workspaces, InferenceSets and RAGEngines.</summary>
public static class ConditionTypes
{
    /// <summary>The node requests exist and the cloud has answered them.</summary>
    public const string NodeClaimReady = "NodeClaimReady";

    /// <summary>The wanted number of nodes is ready, with working device plugins.</summary>
    public const string NodesReady = "NodesReady";

    /// <summary>Everything below the workload is ready.</summary>
    public const string ResourceReady = "ResourceReady";

    /// <summary>The inference workload answers.</summary>
    public const string InferenceReady = "InferenceReady";

    /// <summary>The tuning job has a running pod.</summary>
    public const string JobStarted = "JobStarted";

    /// <summary>The start-up benchmark has a result.</summary>
    public const string BenchmarkCompleted = "BenchmarkCompleted";

    /// <summary>The mirror of the weights is complete.</summary>
    public const string ModelMirrorReady = "ModelMirrorReady";

    /// <summary>The Workspace does what it is for.</summary>
    public const string WorkspaceSucceeded = "WorkspaceSucceeded";

    /// <summary>Deletion is under way.</summary>
    public const string WorkspaceDeleting = "WorkspaceDeleting";

    /// <summary>As many replicas of the InferenceSet answer as it asks for.</summary>
    public const string InferenceSetReady = "InferenceSetReady";

    /// <summary>The InferenceSet is being deleted.</summary>
    public const string InferenceSetDeleting = "InferenceSetDeleting";

    /// <summary>The Service of the RAGEngine exists.</summary>
    public const string ServiceReady = "ServiceReady";

    /// <summary>The RAGEngine's Deployment answers.</summary>
    public const string RagEngineServiceReady = "RAGEngineServiceReady";

    /// <summary>The RAGEngine does what it is for.</summary>
    public const string RagEngineSucceeded = "RAGEngineSucceeded";

    /// <summary>The RAGEngine is being deleted.</summary>
    public const string RagEngineDeleting = "RAGEngineDeleting";
}

/// <summary>Values of <c>status.state</c> of a Workspace.</summary>
public static class WorkspaceStates
{
    /// <summary>Nodes or workload are being made.</summary>
    public const string Pending = "Pending";

    /// <summary>Inference answers.</summary>
    public const string Ready = "Ready";

    /// <summary>Inference answered once and does not now.</summary>
    public const string NotReady = "NotReady";

    /// <summary>Tuning is under way.</summary>
    public const string Running = "Running";

    /// <summary>Tuning finished.</summary>
    public const string Succeeded = "Succeeded";

    /// <summary>Nothing will change without a new specification.</summary>
    public const string Failed = "Failed";
}
