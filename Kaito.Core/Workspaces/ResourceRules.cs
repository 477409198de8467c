using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Hardware;

namespace Kaito.Core.Workspaces;

/// <summary>What <c>resource</c> says about the nodes.</summary>
/// <param name="Sku">
/// The instance type; without GPUs where the table lacks it and a template does not need them.
/// </param>
/// <param name="Count">As the user wrote it, at least 1.</param>
/// <param name="Labels">The user's labels without reserved keys.</param>
internal sealed record ParsedNodes(GpuSku Sku, int Count, ImmutableSortedDictionary<string, string> Labels);

/// <summary>The rules of <c>resource</c>.</summary>
internal static class ResourceRules
{
    // vCPU families that Azure names after these prefixes may serve a template.
    private static readonly ImmutableArray<string> s_azurePrefixes = ["Standard_N", "Standard_D"];

    public static ParsedNodes? Parse(ResourceSpec? spec, bool hasPreset, SkuCatalog skus, Findings findings)
    {
        if (spec is null)
        {
            findings.Required("resource", "Set resource.instanceType and resource.labelSelector.");
            return null;
        }

        if (spec.Count is < 1)
        {
            findings.Error("resource.count", "out-of-range", $"{spec.Count} is not a number of nodes. Use 1 or more.");
        }

        if (spec.PreferredNodes is { IsEmpty: false })
        {
            findings.Warning("resource.preferredNodes", "Preferred nodes have no effect; the label selector selects.");
        }

        if (spec.Partition is not null)
        {
            findings.Error(
                "resource.partition", "partition-needs-existing-nodes",
                "GPUs are partitioned on existing nodes only, and this operator provisions nodes. Remove partition.");
        }

        var labels = ParseSelector(spec.LabelSelector, findings);
        return FindSku(spec.InstanceType, hasPreset, skus, findings) is { } sku
            ? new(sku, Math.Max(1, spec.Count ?? 1), labels)
            : null;
    }

    /// <summary>Whether two selectors select by the same labels, however they are written.</summary>
    public static bool SameLabels(LabelSelector? left, LabelSelector? right)
    {
        var (ofLeft, ofRight) = (new Findings(), new Findings());
        var (labels, others) = (ParseSelector(left, ofLeft), ParseSelector(right, ofRight));
        return labels.SequenceEqual(others) && ofLeft.Errors.SequenceEqual(ofRight.Errors);
    }

    private static GpuSku? FindSku(string? instanceType, bool hasPreset, SkuCatalog skus, Findings findings)
    {
        const string Path = "resource.instanceType";
        var name = instanceType?.Trim();
        if (string.IsNullOrEmpty(name))
        {
            findings.Required(Path, "Name the instance type of the nodes, e.g. Standard_NC24ads_A100_v4.");
            return null;
        }

        if (skus.TryFind(name, out var sku))
        {
            return sku;
        }

        if (!hasPreset && skus.Cloud == "azure"
            && s_azurePrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)))
        {
            findings.Warning(Path, $"\"{name}\" is not in the table of instance types; it is taken to have no GPU.");
            return new() { Name = name, Gpus = 0, GpuMemory = default, GpuModel = "" };
        }

        findings.Error(
            Path, "unknown-instance-type",
            $"\"{name}\" is not an instance type that KAITO knows on {skus.Cloud}."
            + NearestNames.Question(skus.Nearest(name))
            + $" Known are {string.Join(", ", skus.Skus.Select(static s => s.Name))}.");
        return null;
    }

    private static ImmutableSortedDictionary<string, string> ParseSelector(LabelSelector? selector, Findings findings)
    {
        const string Path = "resource.labelSelector";
        if (selector is null)
        {
            findings.Required(Path, "Set matchLabels to the labels that the nodes shall carry, e.g. apps: phi-4.");
            return ImmutableSortedDictionary<string, string>.Empty;
        }

        var labels = selector.MatchLabels ?? ImmutableSortedDictionary<string, string>.Empty;
        var index = 0;
        foreach (var requirement in selector.MatchExpressions ?? [])
        {
            labels = Add(labels, requirement, $"{Path}.matchExpressions[{index++}]", findings);
        }

        var reserved = labels.Keys.Where(Labels.ReservedInSelectors.Contains).ToImmutableArray();
        if (!reserved.IsEmpty && reserved.Length == labels.Count)
        {
            findings.Error(
                $"{Path}.matchLabels", "only-reserved-labels",
                $"All of its keys ({string.Join(", ", reserved)}) are reserved for KAITO. Add a label of your own.");
        }
        else if (!reserved.IsEmpty)
        {
            findings.Warning(
                $"{Path}.matchLabels", $"{string.Join(", ", reserved)} is reserved for KAITO and left out.");
        }

        return labels.RemoveRange(reserved);
    }

    private static ImmutableSortedDictionary<string, string> Add(
        ImmutableSortedDictionary<string, string> labels, LabelSelectorRequirement requirement, string path,
        Findings findings)
    {
        if (requirement is not { Key: { Length: > 0 } key, Operator: "In", Values: [var value] })
        {
            findings.Error(
                path, "unsupported-expression",
                $"Key \"{requirement.Key}\" has operator \"{requirement.Operator}\" and "
                + $"{requirement.Values?.Length ?? 0} values. Use matchLabels, or operator In with exactly one value.");
            return labels;
        }

        if (labels.TryGetValue(key, out var other) && other != value)
        {
            findings.Error(
                path, "contradiction", $"\"{key}\" cannot be \"{other}\" and \"{value}\". Remove one of the two.");
        }

        return labels.SetItem(key, value);
    }
}
