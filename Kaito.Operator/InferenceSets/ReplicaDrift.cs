using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;
using Kaito.Operator.Nodes;

namespace Kaito.Operator.InferenceSets;

/// <param name="Pool">The NodePool of one replica.</param>
/// <param name="Drifted">One of its nodes is not as the NodeClass has it now.</param>
/// <param name="Serves">The replica serves.</param>
internal sealed record ReplicaPool(NodePool Pool, bool Drifted, bool Serves);

/// <param name="Pool">The NodePool to change.</param>
/// <param name="Nodes">How many drifted nodes Karpenter may replace at a time: <c>0</c> or <c>1</c>.</param>
/// <param name="Told">For the user.</param>
internal sealed record DriftStep(NodePool Pool, string Nodes, Occurrence Told)
{
    public JsonObject Merge => new()
    {
        ["spec"] = new JsonObject
        {
            ["disruption"] = new JsonObject
            {
                ["budgets"] = new JsonArray(
                [
                    .. (Pool.Spec?.Disruption?.Budgets ?? []).Where(static b => !ReplicaDrift.IsForDrift(b)).Select(Json),
                    Json(new() { Nodes = Nodes, Reasons = [ReplicaDrift.Reason] }),
                ]),
            },
        },
    };

    private static JsonObject Json(DisruptionBudget budget) => new()
    {
        ["nodes"] = budget.Nodes,
        ["reasons"] = budget.Reasons is { } reasons ? new JsonArray([.. reasons.Select(static r => (JsonNode)r)]) : null,
    };
}

/// <summary>PURE: lets Karpenter replace the drifted nodes of one replica after the other.</summary>
internal static class ReplicaDrift
{
    public const string Reason = "Drifted";

    /// <summary>What to change now; null when there is nothing to do but wait.</summary>
    /// <param name="pools">Of all replicas of a set, in an order that stays.</param>
    public static DriftStep? Next(ImmutableArray<ReplicaPool> pools)
    {
        if (pools.FirstOrDefault(static p => IsOpen(p.Pool)) is { } open)
        {
            return open is { Drifted: false, Serves: true }
                ? new(open.Pool, "0", new(false, "DriftComplete", $"Drift replacement complete for workspace {Owner(open)}"))
                : null;
        }

        // What does not serve loses nothing; what serves waits until all the others do.
        var next = pools.FirstOrDefault(static p => p is { Drifted: true, Serves: false })
            ?? (pools.All(static p => p.Serves) ? pools.FirstOrDefault(static p => p.Drifted) : null);
        return next is null
            ? null
            : new(next.Pool, "1", new(false, "DriftStarted", $"Drift replacement started for workspace {Owner(next)}"));
    }

    public static bool IsForDrift(DisruptionBudget budget) => budget.Reasons?.Contains(Reason) == true;

    public static bool IsDrifted(NodeClaim claim) => NodeReadiness.Holds(claim.Status?.Conditions, Reason);

    private static bool IsOpen(NodePool pool) =>
        (pool.Spec?.Disruption?.Budgets ?? []).Any(static b => IsForDrift(b) && b.Nodes != "0");

    private static string Owner(ReplicaPool replica) => Keys.Of(
        replica.Pool.Metadata.Labels?.GetValueOrDefault(Labels.KarpenterWorkspaceNamespace),
        replica.Pool.Metadata.Labels?.GetValueOrDefault(Labels.KarpenterWorkspaceName) ?? "");
}
