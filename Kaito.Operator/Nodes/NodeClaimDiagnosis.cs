using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Workspaces;

namespace Kaito.Operator.Nodes;

/// <summary>PURE: why NodeClaims are not ready, and what somebody can do about it.</summary>
internal static class NodeClaimDiagnosis
{
    /// <summary>Reason of the condition when no claim tells anything.</summary>
    public const string Unknown = "NodeClaimNotReady";

    private const string Waiting = "AwaitingReconciliation";
    private static readonly ImmutableArray<string> s_stages =
        ["Launched", "MachineLaunched", "Registered", "MachineRegistered", "Initialized", "MachineInitialized"];

    private static readonly ImmutableArray<string> s_refusals =
        ["quota", "capacity", "allocation", "not available", "does not exist"];

    // The words of the clouds and of Karpenter; the first hit counts.
    private static readonly ImmutableArray<(string Word, string Action)> s_actions =
    [
        ("quota", "ask the cloud for more quota of {0}, or choose another resource.instanceType"),
        ("capacity", "wait, or choose another resource.instanceType or region"),
        ("allocation", "wait, or choose another resource.instanceType or region"),
        ("not available", "choose a resource.instanceType that the region has, instead of {0}"),
        ("does not exist", "choose a resource.instanceType that the region has, instead of {0}"),
        ("unauthorized", "grant the node provisioner's identity what the message names"),
        ("authorization", "grant the node provisioner's identity what the message names"),
        ("forbidden", "grant the node provisioner's identity what the message names"),
    ];

    /// <summary>The condition, with the provider's own words and the next step.</summary>
    /// <param name="demand">Whose claims they are.</param>
    /// <param name="live">Claims that are not being deleted.</param>
    /// <param name="before">What was told last.</param>
    /// <param name="hung">Names of claims that are replaced, because nobody makes them ready.</param>
    public static Condition Explain(
        NodeDemand demand, ImmutableArray<NodeClaim> live, ImmutableArray<Condition> before,
        ImmutableHashSet<string>? hung = null)
    {
        var problems = s_stages.SelectMany(stage => live
            .SelectMany(claim => (claim.Status?.Conditions ?? []).Select(c => (Claim: claim, Condition: c)))
            .Where(p => p.Condition.Type == stage && p.Condition.Status != "True"
                && !string.IsNullOrEmpty(p.Condition.Message))).ToImmutableArray();
        var told = problems.FirstOrDefault(static p => p.Condition.Reason != Waiting);
        told = told.Claim is null ? problems.FirstOrDefault() : told;
        if (told.Claim is null)
        {
            return Remembered(live, before) ?? Unmet(Unknown, "Ready NodeClaims are not enough" + Silent(live, hung));
        }

        var message = PodDiagnosis.Cut(told.Condition.Message!);
        var other = live.FirstOrDefault(c => demand.InstanceTypes.Length > 1 && !IsRefusal(c));
        if (other is not null && IsRefusal(told.Claim))
        {
            return Unmet(
                Word(told.Condition.Reason), $"{message} {Type(other)} is asked for instead; the {demand.Owner} goes on by "
                + "itself when a node comes.");
        }

        return told.Condition.Reason == Waiting
            ? Unmet(Word(told.Condition.Reason), message)
            : Unmet(Word(told.Condition.Reason), $"{message} Next: {Action(demand, told.Claim, told.Condition)}; "
                + $"the {demand.Owner} goes on by itself when a node comes.");
    }

    /// <summary>Whether a condition tells of a failure rather than of waiting.</summary>
    public static bool IsFailure(Condition condition) =>
        condition.Status != Condition.True && condition.Reason is not (Unknown or Waiting);

    /// <summary>Whether the cloud said that it has no such machine to give, be it now or at all.</summary>
    public static bool IsRefusal(NodeClaim claim) => (claim.Status?.Conditions ?? []).Any(
        static c => c is { Type: "Launched" or "MachineLaunched", Status: not "True" } && c.Reason != Waiting
            && s_refusals.Any(word => $"{c.Reason} {c.Message}".Contains(word, StringComparison.OrdinalIgnoreCase)));

    // A provider may delete a claim that it cannot serve. Until the next one tells something, the cause is the last
    // one.
    private static Condition? Remembered(ImmutableArray<NodeClaim> live, ImmutableArray<Condition> before)
    {
        var last = before.FirstOrDefault(static c => c.Type == ConditionTypes.NodeClaimReady);
        return last is not null && IsFailure(last) && live.All(static c => c.Status?.Conditions is null)
            ? Unmet(last.Reason, last.Message)
            : null;
    }

    // The node provisioner may be away: then nothing is told of the claim at all.
    private static string Silent(ImmutableArray<NodeClaim> live, ImmutableHashSet<string>? hung) =>
        live.FirstOrDefault(static c => !NodeReadiness.IsReady(c)) is not { } claim
            ? ""
            : $": nothing is told yet of {claim.Kind} {claim.Metadata.Name}"
                + (hung?.Contains(claim.Metadata.Name!) == true ? ", which is asked for again" : "")
                + $". Next: wait, or see that the node provisioner runs (kubectl describe {claim.Kind.ToLowerInvariant()} "
                + $"{claim.Metadata.Name}); a claim that is not ready after {ClaimPace.Patience.TotalMinutes} minutes is "
                + "replaced by itself";

    private static string Type(NodeClaim claim) => (claim.Spec?.Requirements ?? [])
        .FirstOrDefault(static r => r.Key == Labels.InstanceType)?.Values?.FirstOrDefault() ?? "Another type";

    private static string Action(NodeDemand demand, NodeClaim claim, StatusCondition condition)
    {
        var text = $"{condition.Reason} {condition.Message}";
        foreach (var (word, action) in s_actions)
        {
            if (text.Contains(word, StringComparison.OrdinalIgnoreCase))
            {
                return action.Replace("{0}", demand.InstanceTypes[0], StringComparison.Ordinal);
            }
        }

        return $"see kubectl describe {claim.Kind.ToLowerInvariant()} {claim.Metadata.Name}";
    }

    // A condition's reason must be one word, and providers do not always give one.
    private static string Word(string? reason) =>
        !string.IsNullOrEmpty(reason) && char.IsAsciiLetter(reason[0]) && reason.All(char.IsAsciiLetterOrDigit)
            ? reason
            : Unknown;

    private static Condition Unmet(string reason, string message) =>
        WorkspaceConditions.Unmet(ConditionTypes.NodeClaimReady, reason, message);
}
