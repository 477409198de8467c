// The [Field] texts document these records: they are what `kubectl explain` prints.
#pragma warning disable CS1591
using System.Collections.Immutable;
using System.Text.Json;
using Kaito.Core.Kubernetes;

namespace Kaito.Core.Api;

/// <summary>An InferenceSet as the user writes it; v1alpha1 and v1beta1 have the same members.</summary>
[Field("Copies of one inference Workspace, as many as spec.replicas says.")]
public sealed record InferenceSetResource : IKubeObject
{
    public const string KindName = "InferenceSet";

    public const string Plural = "inferencesets";

    private static readonly ObjectMeta s_noMetadata = new();

    public string ApiVersion { get => field ?? WorkspaceResource.V1Beta1; init; }

    public string Kind { get => field ?? KindName; init; }

    public ObjectMeta Metadata { get => field ?? s_noMetadata; init; }

    [Field("What the set shall be.", Required = true)]
    public InferenceSetSpec? Spec { get; init; }

    [Field("What the operator last observed.")]
    public InferenceSetStatus? Status { get; init; }
}

public sealed record InferenceSetSpec
{
    [Field("The Workspace that each replica is made from.", Required = true)]
    public InferenceSetTemplate? Template { get; init; }

    [Field("Number of Workspaces.", Default = "1", Minimum = 0)]
    public int? Replicas { get; init; }

    [Field("Most nodes that the set may use; fewer replicas than asked for run when it is reached.", Minimum = 0)]
    public int? NodeCountLimit { get; init; }

    [Field(
        "Labels of the nodes, given to every replica: matchLabels, or matchExpressions with operator In and exactly one "
        + "value.",
        Required = true)]
    public LabelSelector? LabelSelector { get; init; }

    [Field(
        "How an edited template reaches the replicas, in the shape of a StatefulSet's update strategy.",
        Default = """{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":1}}""")]
    public JsonElement? UpdateStrategy { get; init; }

    [Field("Whether and when replicas move to a newer base image by themselves.")]
    public AutoUpgradeSpec? AutoUpgrade { get; init; }

    [Field(
        "Lets the operator set spec.replicas by what the replicas have to do. Leave it to KEDA or to a "
        + "HorizontalPodAutoscaler by leaving this out. A field of Kaito.NET.")]
    public AutoscalingSpec? Autoscaling { get; init; }
}

public sealed record AutoscalingSpec
{
    [Field(
        "Fewest replicas. With 0 an idle set goes to sleep; whoever raises spec.replicas wakes it.",
        Default = "1", Minimum = 0)]
    public int? MinReplicas { get; init; }

    [Field("Most replicas.", Required = true, Minimum = 1)]
    public int? MaxReplicas { get; init; }

    [Field(
        "Requests, being served or waiting, that one replica shall have at a time. 16 when no target is given.",
        Minimum = 1)]
    public int? TargetRequests { get; init; }

    [Field("Tokens that one replica shall generate in a second.", Minimum = 1)]
    public int? TargetTokensPerSecond { get; init; }

    [Field("How long fewer replicas must have been enough before one goes, e.g. 5m.", Default = "\"5m\"")]
    public string? ScaleDownDelay { get; init; }
}

public sealed record InferenceSetTemplate
{
    [Field("Labels and annotations of each replica; other members have no effect.")]
    public JsonElement? Metadata { get; init; }

    [Field("The nodes of each replica.")]
    public InferenceSetResourceSpec? Resource { get; init; }

    [Field("What each replica serves.", Required = true)]
    public InferenceSpec? Inference { get; init; }
}

[Rule("has(self.partition) == has(oldSelf.partition)", "partition: " + RuleAttribute.Immutable)]
public sealed record InferenceSetResourceSpec
{
    [Field(
        "Cloud instance type of the nodes, e.g. Standard_NC24ads_A100_v4. Required when nodes are provisioned, empty when "
        + "existing nodes are used.")]
    public string? InstanceType { get; init; }

    [Field(
        "Instance types to ask for when the cloud has no capacity or quota for instanceType, first choice first. Each has "
        + "as many GPUs. A field of Kaito.NET.")]
    public ImmutableArray<string>? FallbackInstanceTypes { get; init; }

    [Field("The part of a node's GPUs that each replica uses. Only with existing nodes. Immutable.")]
    [Rule(RuleAttribute.Unchanged, RuleAttribute.Immutable)]
    public PartitionSpec? Partition { get; init; }
}

public sealed record AutoUpgradeSpec
{
    [Field("Whether replicas are upgraded without being asked.", Default = "false")]
    public bool? Enabled { get; init; }

    [Field(
        "InPlace: a replica is replaced where it runs; Surge: its successor is ready first.",
        Default = "\"InPlace\"", Enum = ["InPlace", "Surge"])]
    public string? Strategy { get; init; }

    [Field("When upgrades may start. At any time when absent.")]
    public MaintenanceWindow? MaintenanceWindow { get; init; }
}

public sealed record MaintenanceWindow
{
    [Field("When the window opens: five cron fields in UTC, or a word such as @daily.", Required = true)]
    public string? Schedule { get; init; }

    [Field("How long the window stays open, e.g. 4h or 1h30m.", Default = "\"4h\"")]
    public string? Duration { get; init; }
}

public sealed record InferenceSetStatus
{
    [Field("Number of Workspaces that the set asks for.")]
    public int? Replicas { get; init; }

    [Field("Number of Workspaces that answer.")]
    public int? ReadyReplicas { get; init; }

    [Field("Label selector of the set's Workspaces, as text; used by autoscalers.")]
    public string? Selector { get; init; }

    [Field("What the operator observed, one condition of each type.")]
    public ImmutableArray<Condition>? Conditions { get; init; }

    [Field("Results of the start-up benchmark.")]
    public PerformanceStatus? Performance { get; init; }

    [Field("Progress of automatic upgrades.")]
    public AutoUpgradeStatus? AutoUpgrade { get; init; }
}

public sealed record AutoUpgradeStatus
{
    [Field("Number of Workspaces on an older base image.")]
    public int? NumDriftedWorkspaces { get; init; }

    [Field("When all Workspaces were last on the newest base image.")]
    public DateTimeOffset? LastSuccessfulUpgradeTime { get; init; }
}
