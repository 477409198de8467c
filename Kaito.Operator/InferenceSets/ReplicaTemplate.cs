using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Kaito.Core.Api;
using Kaito.Core.InferenceSets;
using Kaito.Core.Workspaces;
using Kaito.Operator.Rendering;

namespace Kaito.Operator.InferenceSets;

/// <summary>PURE: the Workspaces that a set makes, by their slot.</summary>
internal static class ReplicaTemplate
{
    private const string Letters = "bcdfghjklmnpqrstvwxz2456789";
    private const int SuffixLength = 5;

    /// <summary>One text for one template, labels and annotations included; a Workspace with another one is out of date.</summary>
    public static string Hash(InferenceSet set) => Convert.ToHexStringLower(
        SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(set.Template, WorkspaceJson.Default.WorkspaceResource)));

    /// <summary>Whether an out-of-date Workspace can be brought up to date as it is; its nodes and model then stay.</summary>
    public static bool CanBecome(WorkspaceResource workspace, InferenceSet set) =>
        Fixed(workspace) == Fixed(set.Template);

    /// <summary>The same set, slot and template give the same name: creating twice makes one Workspace.</summary>
    public static WorkspaceResource Render(InferenceSet set, string name) => set.Template with
    {
        Metadata = set.Template.Metadata with
        {
            Name = name,
            Namespace = set.Namespace,
            Annotations = (set.Template.Metadata.Annotations ?? ImmutableSortedDictionary<string, string>.Empty)
                .SetItem(Annotations.InferenceSetHash, Hash(set)),
            OwnerReferences = [Owned.Reference(InferenceSetResource.KindName, set.Name, set.Uid)],
        },
    };

    /// <summary>Names that are free, in the order of their slots.</summary>
    public static IEnumerable<string> Names(InferenceSet set, ISet<string> taken)
    {
        var hash = Hash(set);
        return Enumerable.Range(0, int.MaxValue)
            .Select(slot => Name(set, hash, slot))
            .Where(name => !taken.Contains(name));
    }

    private static string Name(InferenceSet set, string template, int slot)
    {
        var text = string.Create(
            CultureInfo.InvariantCulture, $"{set.Namespace}/{set.Name}/{set.Uid}/{template}/{slot}");
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(text));
        return $"{set.Name}-{string.Concat(hash.Take(SuffixLength).Select(static b => Letters[b % Letters.Length]))}";
    }

    // What the API server keeps as it was created.
    private static (string Text, bool Template) Fixed(WorkspaceResource workspace)
    {
        var text = WorkspaceHash.Of(new()
        {
            Resource = workspace.Resource is null ? null : new()
            {
                InstanceType = workspace.Resource.InstanceType,
                LabelSelector = workspace.Resource.LabelSelector,
                Partition = workspace.Resource.Partition,
            },
            Inference = new()
            {
                // The API server fills in the access mode.
                Preset = workspace.Inference?.Preset is { } preset ? preset with { AccessMode = null } : null,
            },
        });
        return (text, workspace.Inference?.Template is not null);
    }
}
