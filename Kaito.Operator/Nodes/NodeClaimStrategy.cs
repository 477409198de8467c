using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;
using Kaito.Operator.Workspaces;

namespace Kaito.Operator.Nodes;

/// <summary>The nodes of a Workspace: what to ask for, and how far it has come.</summary>
internal sealed record NodePlan(
    ImmutableArray<NodeClaim> Claims, ImmutableArray<Node> Unmarked, ImmutableArray<Condition> Conditions)
{
    public bool Ready => Conditions.All(static c => c.Status == Condition.True);
}

/// <summary>PURE: one NodeClaim per node, answered by gpu-provisioner.</summary>
internal static class NodeClaimStrategy
{
    private const string Gpu = "nvidia.com/gpu";
    private static readonly ImmutableArray<string> s_stages = ["Launched", "Registered", "Initialized"];
    private static readonly ImmutableArray<string> s_pressures = ["DiskPressure", "MemoryPressure", "PIDPressure"];

    public static NodePlan Plan(Workspace workspace, WorkspaceObservation observed, OperatorOptions options)
    {
        var bare = observed.Nodes.Count(static n => IsReady(n) && n.Metadata.Labels?.ContainsKey(Labels.NodePool) != true);
        var needed = Math.Max(0, workspace.Nodes - bare);
        var live = observed.Claims.Where(static c => c.Metadata.DeletionTimestamp is null).ToImmutableArray();
        var matching = observed.Nodes.Where(n => IsReady(n) && HasInstanceType(n, workspace)).ToImmutableArray();
        var withGpu = matching.Where(static n => Capacity(n) > 0).ToImmutableArray();
        var enough = live.Count(IsReady) >= needed;
        var claimsReady = enough
            ? WorkspaceConditions.Met(ConditionTypes.NodeClaimReady, "NodeClaimsReady", "Enough NodeClaims are ready")
            : Unready(live);
        var nodesReady = NodesReady(workspace, observed, enough ? matching.Length : 0, withGpu.Length);
        return new(
            Missing(workspace, observed.Claims, needed - live.Length, options),
            [.. withGpu.Where(static n => n.Metadata.Labels?.GetValueOrDefault(Labels.Accelerator) is null)],
            [claimsReady, nodesReady, Resources(claimsReady, nodesReady)]);
    }

    public static bool IsReady(Node node) =>
        node.Metadata.DeletionTimestamp is null && Holds(node.Status?.Conditions, "Ready");

    /// <summary>The same Workspace, uid and slot give the same name: asking twice asks for one node.</summary>
    internal static string Name(Workspace workspace, int slot)
    {
        var text = string.Create(
            CultureInfo.InvariantCulture, $"{workspace.Namespace}/{workspace.Name}/{workspace.Uid}/{slot}");
        return "ws" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..9];
    }

    private static bool IsReady(NodeClaim claim) =>
        claim.Status?.Conditions is { } conditions && conditions.Any(static c => c.Type == "Ready")
            ? Holds(conditions, "Ready")
            : !string.IsNullOrEmpty(claim.Status?.NodeName);

    private static bool Holds(ImmutableArray<StatusCondition>? conditions, string type) =>
        (conditions ?? []).Any(c => c.Type == type && c.Status == "True");

    private static bool HasInstanceType(Node node, Workspace workspace) => string.Equals(
        node.Metadata.Labels?.GetValueOrDefault(Labels.InstanceType), workspace.InstanceType,
        StringComparison.OrdinalIgnoreCase);

    private static long Capacity(Node node) =>
        long.TryParse(node.Status?.Capacity?.GetValueOrDefault(Gpu), CultureInfo.InvariantCulture, out var gpus) ? gpus : 0;

    private static ImmutableArray<NodeClaim> Missing(
        Workspace workspace, ImmutableArray<NodeClaim> claims, int count, OperatorOptions options)
    {
        var taken = claims.Select(static c => c.Metadata.Name).ToHashSet();
        return count <= 0
            ? []
            : [.. Enumerable.Range(0, int.MaxValue).Select(slot => Name(workspace, slot))
                .Where(name => !taken.Contains(name)).Take(count)
                .Select(name => NodeClaims.Render(workspace, name, options))];
    }

    private static Condition Unready(ImmutableArray<NodeClaim> live)
    {
        var problems = s_stages.SelectMany(stage => live.SelectMany(static c => c.Status?.Conditions ?? [])
            .Where(c => c.Type == stage && c.Status != "True" && !string.IsNullOrEmpty(c.Message))).ToImmutableArray();
        var told = problems.FirstOrDefault(static c => c.Reason != "AwaitingReconciliation")
            ?? problems.FirstOrDefault();
        return told is null
            ? WorkspaceConditions.Unmet(
                ConditionTypes.NodeClaimReady, "NodeClaimNotReady", "Ready NodeClaims are not enough")
            : WorkspaceConditions.Unmet(
                ConditionTypes.NodeClaimReady, Word(told.Reason), PodDiagnosis.Cut(told.Message!));
    }

    // A condition's reason must be one word, and providers do not always give one.
    private static string Word(string? reason) =>
        !string.IsNullOrEmpty(reason) && char.IsAsciiLetter(reason[0]) && reason.All(char.IsAsciiLetterOrDigit)
            ? reason
            : "NodeClaimNotReady";

    private static Condition NodesReady(Workspace workspace, WorkspaceObservation observed, int ready, int withGpu)
    {
        var pressure = Pressure(observed.Nodes);
        if (ready < workspace.Nodes)
        {
            return WorkspaceConditions.Unmet(
                ConditionTypes.NodesReady, "NodeNotReady", "Not enough Nodes are ready" + pressure);
        }

        return withGpu < workspace.Nodes
            ? WorkspaceConditions.Unmet(
                ConditionTypes.NodesReady, "NodePluginsNotReady", "waiting all node plugins to be ready" + pressure)
            : WorkspaceConditions.Met(ConditionTypes.NodesReady, "NodesReady", "Enough Nodes are ready" + pressure);
    }

    private static string Pressure(ImmutableArray<Node> nodes)
    {
        var told = nodes
            .Select(n => (n.Metadata.Name, Types: s_pressures.Where(p => Holds(n.Status?.Conditions, p)).ToArray()))
            .Where(static n => n.Types.Length > 0)
            .Select(static n => $"{n.Name} ({string.Join(", ", n.Types)})")
            .ToArray();
        return told.Length == 0 ? "" : $"; warning: worker node(s) under resource pressure: {string.Join("; ", told)}";
    }

    private static Condition Resources(Condition claims, Condition nodes)
    {
        var unmet = claims.Status == Condition.True ? nodes : claims;
        return unmet.Status == Condition.True
            ? WorkspaceConditions.Met(
                ConditionTypes.ResourceReady, "workspaceResourceStatusSuccess", "workspace resource is ready")
            : WorkspaceConditions.Unmet(ConditionTypes.ResourceReady, unmet.Reason, unmet.Message);
    }
}
