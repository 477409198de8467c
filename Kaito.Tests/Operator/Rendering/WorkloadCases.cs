using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator;
using Kaito.Operator.Cluster;
using Kaito.Operator.Workspaces;

namespace Kaito.Tests.Operator.Rendering;

/// <summary>Workspaces whose nodes are ready, planned as the operator plans them.</summary>
internal static class WorkloadCases
{
    public static OperatorOptions Options { get; } = new() { ImageTag = "1.0" };

    public static WorkspaceResource Workspace(string preset, string instanceType = "Standard_NC24ads_A100_v4") => new()
    {
        Metadata = new() { Name = "ws", Namespace = "team", Uid = "u-1", Generation = 1 },
        Resource = new()
        {
            InstanceType = instanceType,
            LabelSelector = new()
            {
                MatchLabels = ImmutableSortedDictionary<string, string>.Empty.Add("apps", "phi"),
            },
        },
        Inference = new() { Preset = new() { Name = preset }, Runtime = "vllm" },
    };

    public static WorkspaceResource With(
        this WorkspaceResource workspace, Func<InferenceSpec, InferenceSpec> change) =>
        workspace with { Inference = change(workspace.Inference!) };

    public static WorkspaceResource Annotated(this WorkspaceResource workspace, string key, string value) =>
        workspace with
        {
            Metadata = workspace.Metadata with
            {
                Annotations = (workspace.Metadata.Annotations ?? ImmutableSortedDictionary<string, string>.Empty)
                    .SetItem(key, value),
            },
        };

    public static WorkspacePlan Plan(WorkspaceResource workspace, WorkspaceObservation? observed = null)
    {
        var instanceType = workspace.Resource!.InstanceType!;
        var seen = (observed ?? new()) with
        {
            Claims =
            [
                .. Enumerable.Range(0, 4).Select(static i => new NodeClaim
                {
                    Metadata = new() { Name = $"claim-{i}" },
                    Status = new() { NodeName = $"node-{i}", Conditions = [new() { Type = "Ready", Status = "True" }] },
                }),
            ],
            Nodes =
            [
                .. Enumerable.Range(0, 4).Select(i => new Node
                {
                    Metadata = new()
                    {
                        Name = $"node-{i}",
                        Labels = ImmutableSortedDictionary<string, string>.Empty
                            .Add(Labels.InstanceType, instanceType).Add(Labels.NodePool, "kaito"),
                    },
                    Status = new()
                    {
                        Capacity = ImmutableSortedDictionary<string, string>.Empty.Add("nvidia.com/gpu", "8"),
                        Conditions = [new() { Type = "Ready", Status = "True" }],
                    },
                }),
            ],
        };
        return WorkspacePlanner.Plan(workspace, seen, Options);
    }

    /// <summary>The StatefulSet of a plan, as the API server gets it.</summary>
    public static JsonNode Pods(this WorkspacePlan plan) =>
        Json(Assert.Single(plan.Apply.OfType<StatefulSet>()));

    public static JsonNode Json(IKubeObject item) => JsonNode.Parse(KubeKinds.Describe(item).Json)!;

    /// <summary>The first container's command as one line that a shell would read as the same arguments.</summary>
    public static string CommandLine(this JsonNode pods) => string.Join(' ', pods["spec"]!["template"]!["spec"]!
        ["containers"]![0]!["command"]!.AsArray().Select(static a => Quoted((string)a!)));

    public static ConfigMap EngineSettings(string text) => new()
    {
        Data = ImmutableSortedDictionary<string, string>.Empty.Add("inference_config.yaml", text),
    };

    public static JsonElement Element(string json) => JsonDocument.Parse(json).RootElement;

    // As upstream writes it: only the value of a flag is put in quotes.
    private static string Quoted(string argument)
    {
        var at = argument.IndexOf('=', StringComparison.Ordinal) + 1;
        return argument.Any(static c => char.IsWhiteSpace(c) || "{}\"'$;&|()".Contains(c))
            ? $"{argument[..at]}'{argument[at..]}'"
            : argument;
    }
}
