using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;
using Kaito.Operator.Rendering;

namespace Kaito.Operator.Workspaces;

/// <summary>The history of what a Workspace asked for.</summary>
/// <param name="Current">The desired state now; the same state again keeps its number.</param>
/// <param name="Surplus">Old ones beyond the number that is kept.</param>
internal sealed record RevisionPlan(ControllerRevision Current, ImmutableArray<ControllerRevision> Surplus);

/// <summary>PURE: one ControllerRevision per desired state.</summary>
internal static class Revisions
{
    private const int Kept = 10;
    private const int LongHash = 10;

    public static RevisionPlan Plan(
        WorkspaceResource resource, Workspace workspace, ImmutableArray<ControllerRevision> existing)
    {
        var hash = WorkspaceHash.Of(resource);
        var known = existing.FirstOrDefault(r => HashOf(r) == hash);
        var name = known?.Metadata.Name ?? WorkspaceHash.RevisionName(workspace.Name, hash);
        if (existing.Any(r => r.Metadata.Name == name && HashOf(r) != hash))
        {
            // Five digits of a hash may be another state's too.
            name = $"{workspace.Name}-{hash[..LongHash]}";
        }

        var number = known?.Revision ?? existing.Select(static r => r.Revision).DefaultIfEmpty(0).Max() + 1;
        var others = existing.Where(r => r.Metadata.Name != name && r.Metadata.DeletionTimestamp is null)
            .OrderByDescending(static r => r.Revision);
        return new(Render(resource, workspace, (name, hash, number)), [.. others.Skip(Kept - 1)]);
    }

    private static string? HashOf(ControllerRevision revision) =>
        revision.Metadata.Annotations?.GetValueOrDefault(Annotations.Hash);

    private static ControllerRevision Render(
        WorkspaceResource resource, Workspace workspace, (string Name, string Hash, long Number) revision)
    {
        var metadata = Owned.By(workspace, revision.Name);
        var state = JsonSerializer.SerializeToNode(
            new WorkspaceResource
            {
                Resource = resource.Resource,
                Inference = resource.Inference,
                Tuning = resource.Tuning,
            },
            WorkspaceJson.Default.WorkspaceResource)!.AsObject();
        return new()
        {
            Metadata = metadata with
            {
                Labels = metadata.Labels!.Add(Labels.RevisionOwner, workspace.Name),
                Annotations = ImmutableSortedDictionary<string, string>.Empty.Add(Annotations.Hash, revision.Hash),
            },
            Data = new JsonObject(state.Where(static m => m.Key is "resource" or "inference" or "tuning")
                .Select(static m => KeyValuePair.Create(m.Key, m.Value?.DeepClone()))),
            Revision = revision.Number,
        };
    }
}
