using System.Collections.Immutable;
using System.Diagnostics;
using Kaito.Core.Api;
using Kaito.Core.Hardware;

namespace Kaito.Core.Workspaces;

/// <summary>What <c>resource</c> says about the nodes.</summary>
/// <param name="Sku">
/// What a pod finds on its node; without GPUs where the table lacks the instance type and a template does not need them,
/// and where no node that exists has told yet.
/// </param>
/// <param name="Count">As the user wrote it, at least 1.</param>
/// <param name="Labels">The user's labels without reserved keys.</param>
internal sealed record ParsedNodes(GpuSku Sku, int Count, ImmutableSortedDictionary<string, string> Labels)
{
    /// <summary>Field that chose the GPUs.</summary>
    public string Path { get; init; } = ResourceRules.TypePath;

    /// <summary>Resource of the node that pods ask for.</summary>
    public string GpuResource { get; init; } = Workspace.WholeGpus;

    /// <summary>Nodes are asked for, not found.</summary>
    public bool Provisioned { get; init; } = true;

    /// <summary>A pod has one slice of a GPU.</summary>
    public bool IsSlice { get; init; }

    public ImmutableArray<string> Preferred { get; init; } = [];

    /// <summary>Other instance types, first choice first.</summary>
    public ImmutableArray<GpuSku> Fallbacks { get; init; } = [];

    public GpuShape Shape => new(Sku.Gpus, Sku.GpuMemory, IsSlice);
}

/// <summary>The rules of <c>resource</c>.</summary>
internal static class ResourceRules
{
    public const string TypePath = "resource.instanceType";
    private const string SelectorPath = "resource.labelSelector";
    private const string FallbackPath = "resource.fallbackInstanceTypes";

    // vCPU families that Azure names after these prefixes may serve a template.
    private static readonly ImmutableArray<string> s_azurePrefixes = ["Standard_N", "Standard_D"];

    private static readonly GpuSku s_untold = new()
    {
        Name = "",
        Gpus = 0,
        GpuMemory = default,
        GpuModel = "",
        ComputeCapability = new(0, 0),
    };

    public static ParsedNodes? Parse(ResourceSpec? spec, bool hasPreset, NodeSource source, Findings findings)
    {
        if (spec is null)
        {
            findings.Required("resource", source is NodeSource.Existing
                ? "Set resource.labelSelector to labels of the nodes."
                : "Set resource.instanceType and resource.labelSelector.");
            return null;
        }

        if (spec.Count is < 1)
        {
            findings.Error("resource.count", "out-of-range", $"{spec.Count} is not a number of nodes. Use 1 or more.");
        }

        var index = 0;
        foreach (var node in spec.PreferredNodes ?? [])
        {
            if (!Names.IsSubdomain(node))
            {
                findings.Error(
                    $"resource.preferredNodes[{index}]", "invalid-name", $"\"{node}\" is not the name of a node.");
            }

            index++;
        }

        var nodes = source switch
        {
            NodeSource.Existing existing => Found(spec, hasPreset, existing, findings),
            NodeSource.Provisioned provisioned => AskedFor(spec, hasPreset, provisioned.Skus, findings),
            _ => throw new UnreachableException(),
        };
        return nodes is null ? null : nodes with
        {
            Count = Math.Max(1, spec.Count ?? 1),
            Preferred = spec.PreferredNodes ?? [],
        };
    }

    private static ParsedNodes? AskedFor(ResourceSpec spec, bool hasPreset, SkuCatalog skus, Findings findings)
    {
        if (spec.Partition is not null)
        {
            findings.Error(
                PartitionRules.FieldPath, "partition-needs-existing-nodes",
                "GPUs are partitioned on existing nodes only, and this operator provisions nodes. Remove partition, or "
                + "start the operator with --node-provisioner byo.");
        }

        var labels = ParseSelector(spec.LabelSelector, findings);
        var sku = FindSku(spec.InstanceType, TypePath, hasPreset, skus, findings);
        var fallbacks = ImmutableArray.CreateBuilder<GpuSku>();
        foreach (var name in spec.FallbackInstanceTypes ?? [])
        {
            if (FindSku(name, $"{FallbackPath}[{fallbacks.Count}]", hasPreset, skus, findings) is not { } other)
            {
                return null;
            }

            if (sku is not null && hasPreset && other.Gpus != sku.Gpus)
            {
                findings.Error(
                    $"{FallbackPath}[{fallbacks.Count}]", "other-gpu-count",
                    $"{other.Name} has {other.Gpus} GPU(s) and {sku.Name} has {sku.Gpus}: the same pod could not use both. "
                    + "Choose an instance type with as many GPUs.");
            }

            fallbacks.Add(other);
        }

        return sku is null ? null : new(sku, 1, labels)
        {
            Fallbacks = [.. fallbacks.DistinctBy(static f => f.Name).Where(f => f.Name != sku.Name)],
        };
    }

    /// <summary>Whether two selectors select by the same labels, however they are written.</summary>
    public static bool SameLabels(LabelSelector? left, LabelSelector? right)
    {
        var (ofLeft, ofRight) = (new Findings(), new Findings());
        var (labels, others) = (ParseSelector(left, ofLeft), ParseSelector(right, ofRight));
        return labels.SequenceEqual(others) && ofLeft.Errors.SequenceEqual(ofRight.Errors);
    }

    private static ParsedNodes? Found(ResourceSpec spec, bool hasPreset, NodeSource.Existing source, Findings findings)
    {
        if (!string.IsNullOrWhiteSpace(spec.InstanceType))
        {
            findings.Error(
                TypePath, "not-with-existing-nodes",
                $"This operator runs on existing nodes (--node-provisioner byo) and asks for no \"{spec.InstanceType}\". "
                + "Remove instanceType, and select nodes with resource.labelSelector.");
        }

        if (spec.FallbackInstanceTypes is { IsEmpty: false })
        {
            findings.Error(
                FallbackPath, "not-with-existing-nodes",
                "This operator runs on existing nodes (--node-provisioner byo). Remove fallbackInstanceTypes.");
        }

        var part = PartitionRules.Parse(spec.Partition, source, findings);
        var labels = ParseSelector(spec.LabelSelector, findings);
        var nodes = new ParsedNodes(s_untold, 1, labels) { Path = SelectorPath, Provisioned = false };
        return part switch
        {
            GpuPart.Slice(var profile) => nodes with
            {
                Sku = s_untold with { Name = profile.Name, Gpus = 1, GpuMemory = profile.Memory },
                Path = PartitionRules.FieldPath,
                GpuResource = profile.Resource,
                IsSlice = true,
            },
            _ when !hasPreset => nodes,
            _ => Told(nodes, part as GpuPart.Some, spec.PreferredNodes ?? [], source, findings),
        };
    }

    private static ParsedNodes Told(
        ParsedNodes nodes, GpuPart.Some? part, ImmutableArray<string> preferred, NodeSource.Existing source,
        Findings findings)
    {
        var candidates = (source.Nodes ?? []).Where(n => preferred.Contains(n.Name)
            || nodes.Labels.All(l => n.Labels.GetValueOrDefault(l.Key) == l.Value));

        // Without labels every node is meant, also those that have no GPU and never will.
        candidates = nodes.Labels.IsEmpty ? candidates.Where(static n => n.Labels.ContainsKey(NodeGpus.Product)) : candidates;
        if (NodeGpus.Read(candidates, out var problem) is not { } sku)
        {
            if (problem is not null)
            {
                findings.Error(SelectorPath, "gpus-not-known", problem);
            }

            return nodes;
        }

        if (part is null)
        {
            return nodes with { Sku = sku };
        }

        if (part.Gpus > sku.Gpus)
        {
            findings.Error(
                $"{PartitionRules.FieldPath}.count", "out-of-range",
                $"{part.Gpus} GPUs are more than the {sku.Gpus} of a node. Use {sku.Gpus} or less.");
            return nodes;
        }

        return nodes with
        {
            Sku = sku with { Gpus = part.Gpus, GpuMemory = new(sku.GpuMemory.Bytes / sku.Gpus * part.Gpus) },
            Path = PartitionRules.FieldPath,
        };
    }

    private static GpuSku? FindSku(
        string? instanceType, string path, bool hasPreset, SkuCatalog skus, Findings findings)
    {
        var name = instanceType?.Trim();
        if (string.IsNullOrEmpty(name))
        {
            findings.Required(path, "Name the instance type of the nodes, e.g. Standard_NC24ads_A100_v4.");
            return null;
        }

        if (skus.TryFind(name, out var sku))
        {
            return sku;
        }

        if (!hasPreset && skus.Cloud == "azure"
            && s_azurePrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)))
        {
            findings.Warning(path, $"\"{name}\" is not in the table of instance types; it is taken to have no GPU.");
            return new() { Name = name, Gpus = 0, GpuMemory = default, GpuModel = "" };
        }

        findings.Error(
            path, "unknown-instance-type",
            $"\"{name}\" is not an instance type that KAITO knows on {skus.Cloud}."
            + NearestNames.Question(skus.Nearest(name))
            + $" Known are {string.Join(", ", skus.Skus.Select(static s => s.Name))}.");
        return null;
    }

    private static ImmutableSortedDictionary<string, string> ParseSelector(LabelSelector? selector, Findings findings)
    {
        if (selector is null)
        {
            findings.Required(
                SelectorPath, "Set matchLabels to the labels that the nodes shall carry, e.g. apps: phi-4.");
            return ImmutableSortedDictionary<string, string>.Empty;
        }

        var labels = selector.MatchLabels ?? ImmutableSortedDictionary<string, string>.Empty;
        var index = 0;
        foreach (var requirement in selector.MatchExpressions ?? [])
        {
            labels = Add(labels, requirement, $"{SelectorPath}.matchExpressions[{index++}]", findings);
        }

        var reserved = labels.Keys.Where(Labels.ReservedInSelectors.Contains).ToImmutableArray();
        if (!reserved.IsEmpty && reserved.Length == labels.Count)
        {
            findings.Error(
                $"{SelectorPath}.matchLabels", "only-reserved-labels",
                $"All of its keys ({string.Join(", ", reserved)}) are reserved for KAITO. Add a label of your own.");
        }
        else if (!reserved.IsEmpty)
        {
            findings.Warning(
                $"{SelectorPath}.matchLabels", $"{string.Join(", ", reserved)} is reserved for KAITO and left out.");
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
