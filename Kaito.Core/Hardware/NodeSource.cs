using System.Collections.Immutable;

namespace Kaito.Core.Hardware;

/// <summary>Where the nodes of a workload come from, and what is known of them beforehand.</summary>
public abstract record NodeSource
{
    private NodeSource()
    {
    }

    /// <summary>Nodes are asked for by instance type.</summary>
    /// <param name="Skus">The instance types that there are.</param>
    public sealed record Provisioned(SkuCatalog Skus) : NodeSource;

    /// <summary>The cluster's own nodes, which the user selects by labels; no node is asked for.</summary>
    public sealed record Existing : NodeSource
    {
        /// <summary>
        /// All nodes of the cluster; <see langword="null"/> where nobody looked: then nothing is sized, and nothing refused
        /// because of the nodes.
        /// </summary>
        public ImmutableArray<ExistingNode>? Nodes { get; init; }

        /// <summary>Whether a workload may ask for a slice of a GPU (gate enableMIG).</summary>
        public bool MigAllowed { get; init; }

        /// <summary>Whether a workload may ask for some of a node's GPUs (gate enableAccelerator).</summary>
        public bool AcceleratorAllowed { get; init; }
    }

    /// <summary>Nodes of these instance types are asked for.</summary>
    public static implicit operator NodeSource(SkuCatalog skus) => FromSkuCatalog(skus);

    /// <summary>Nodes of these instance types are asked for.</summary>
    public static NodeSource FromSkuCatalog(SkuCatalog skus) => new Provisioned(skus);
}

/// <summary>A node of the cluster.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Ready">It takes pods, and is not being deleted.</param>
/// <param name="Labels">All of its labels.</param>
public sealed record ExistingNode(string Name, bool Ready, ImmutableSortedDictionary<string, string> Labels);
