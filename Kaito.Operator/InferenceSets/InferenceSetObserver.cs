using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Operator.Cluster;

namespace Kaito.Operator.InferenceSets;

/// <summary>Local copies of the sets and of their Workspaces; a change of either names the set.</summary>
internal sealed class InferenceSetObserver : IDisposable
{
    private readonly Informer<InferenceSetResource> _sets;
    private readonly Informer<WorkspaceResource> _workspaces;
    private readonly ObjectIndex<WorkspaceResource> _workspacesOf;

    public InferenceSetObserver(
        IKubeApi api, Informer<WorkspaceResource> workspaces, TimeProvider clock, ILogger<InferenceSetObserver> logger)
    {
        Queue = new(clock);
        _workspaces = workspaces;
        _workspacesOf = workspaces.Index(Keys.Owners);
        _workspaces.Changed += workspace =>
        {
            if (SetOf(workspace) is { } name)
            {
                Queue.Add(Keys.Of(workspace.Metadata.Namespace, name));
            }
        };
        _sets = new(api, KubeKinds.InferenceSets, null, clock, logger)
        {
            Changed = set => Queue.Add(Keys.Of(set.Metadata.Namespace, set.Metadata.Name!)),
        };
    }

    public WorkQueue Queue { get; }

    public ImmutableArray<IInformer> Informers => [_sets, _workspaces];

    public IEnumerable<InferenceSetResource> All => _sets.All;

    public InferenceSetResource? Find(string key) => _sets.Find(key);

    /// <summary>The Workspaces that the set made, by name; not those that only carry its label.</summary>
    public ImmutableArray<WorkspaceResource> WorkspacesOf(InferenceSetResource set) =>
    [
        .. _workspacesOf[set.Metadata.Uid ?? ""]
            .Where(w => SetOf(w) == set.Metadata.Name && w.Metadata.Namespace == set.Metadata.Namespace),
    ];

    public void Dispose() => Queue.Dispose();

    private static string? SetOf(WorkspaceResource workspace) =>
        workspace.Metadata.Labels?.GetValueOrDefault(Labels.CreatedByInferenceSet);
}
