using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Nodes;

/// <summary>
/// PURE: one slot per wanted node, and in it one name per instance type that may fill it. The same owner, uid, slot and
/// type give the same name: asking twice asks for one node.
/// </summary>
internal static class ClaimSlots
{
    /// <summary>Name of the claim of a slot for an instance type of <see cref="NodeDemand.InstanceTypes"/>.</summary>
    public static string Name(NodeDemand demand, int slot, int type = 0)
    {
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"{demand.Namespace}/{demand.Name}/{demand.Uid}/{slot}{(type == 0 ? "" : $"/{demand.InstanceTypes[type]}")}");
        return "ws" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..9];
    }

    /// <summary>Claims to make, each with its instance type.</summary>
    /// <param name="demand">Who wants nodes.</param>
    /// <param name="observed">The claims that there are.</param>
    /// <param name="needed">Nodes to come from claims.</param>
    public static ImmutableArray<(string Name, string InstanceType)> Missing(
        NodeDemand demand, NodeObservation observed, int needed)
    {
        var there = observed.Claims.ToDictionary(static c => c.Metadata.Name!);
        var missing = ImmutableArray.CreateBuilder<(string, string)>();
        var shortfall = needed - observed.Claims.Count(c => IsUseful(c, demand));
        for (var slot = 0; shortfall > 0; slot++)
        {
            var names = Enumerable.Range(0, demand.InstanceTypes.Length)
                .Select(type => (Name: Name(demand, slot, type), Type: demand.InstanceTypes[type])).ToArray();
            var claims = names.Where(n => there.ContainsKey(n.Name)).Select(n => there[n.Name]).ToArray();
            if (!claims.All(c => IsRefused(c, demand)))
            {
                continue;
            }

            // What the cloud refused stays, because it may serve it later; meanwhile the next type is asked for.
            var next = names.FirstOrDefault(n => !there.ContainsKey(n.Name) && !observed.Refused.Contains(n.Name));
            next = next.Name is null && claims.Length == 0 ? names[0] : next;
            if (next.Name is not null)
            {
                missing.Add(next);
            }

            shortfall--;
        }

        return missing.ToImmutable();
    }

    /// <summary>Whether a claim asks for a node that the owner can use.</summary>
    public static bool Fits(NodeClaim claim, NodeDemand demand) => claim.Metadata.DeletionTimestamp is null
        && (claim.Spec?.Requirements ?? []).Where(static r => r.Key == Core.Api.Labels.InstanceType)
            .All(r => (r.Values ?? []).Any(v => demand.InstanceTypes.Contains(v, StringComparer.OrdinalIgnoreCase)));

    /// <summary>Whether the cloud refused the claim, and another instance type may be asked for in its place.</summary>
    public static bool IsRefused(NodeClaim claim, NodeDemand demand) => demand.InstanceTypes.Length > 1
        && Fits(claim, demand) && !NodeReadiness.IsReady(claim) && NodeClaimDiagnosis.IsRefusal(claim);

    private static bool IsUseful(NodeClaim claim, NodeDemand demand) =>
        Fits(claim, demand) && !IsRefused(claim, demand);
}
