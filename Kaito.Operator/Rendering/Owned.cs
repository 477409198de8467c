using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;

namespace Kaito.Operator.Rendering;

/// <summary>PURE: metadata of what a Workspace owns.</summary>
internal static class Owned
{
    /// <summary>Goes when the Workspace goes; the label lets the operator watch only what is its own.</summary>
    public static ObjectMeta By(Workspace workspace, string name) => new()
    {
        Name = name,
        Namespace = workspace.Namespace,
        Labels = Selector(workspace),
        OwnerReferences =
        [
            new()
            {
                ApiVersion = WorkspaceResource.V1Beta1,
                Kind = WorkspaceResource.KindName,
                Name = workspace.Name,
                Uid = workspace.Uid,
                Controller = true,
                BlockOwnerDeletion = true,
            },
        ],
    };

    public static ImmutableSortedDictionary<string, string> Selector(Workspace workspace) =>
        ImmutableSortedDictionary<string, string>.Empty.Add(Labels.Workspace, workspace.Name);
}
