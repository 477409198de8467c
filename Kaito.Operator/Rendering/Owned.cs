using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;

namespace Kaito.Operator.Rendering;

/// <summary>PURE: metadata of what our objects own.</summary>
internal static class Owned
{
    /// <summary>Goes when the Workspace goes; the label lets the operator watch only what is its own.</summary>
    public static ObjectMeta By(Workspace workspace, string name) => new()
    {
        Name = name,
        Namespace = workspace.Namespace,
        Labels = Selector(workspace),
        OwnerReferences = [Reference(WorkspaceResource.KindName, workspace.Name, workspace.Uid)],
    };

    /// <summary>Points to the one of our objects that made this one, and manages it.</summary>
    public static OwnerReference Reference(string kind, string name, string uid) => new()
    {
        ApiVersion = WorkspaceResource.V1Beta1,
        Kind = kind,
        Name = name,
        Uid = uid,
        Controller = true,
        BlockOwnerDeletion = true,
    };

    public static ImmutableSortedDictionary<string, string> Selector(Workspace workspace) =>
        ImmutableSortedDictionary<string, string>.Empty.Add(Labels.Workspace, workspace.Name);
}
