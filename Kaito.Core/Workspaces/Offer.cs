using Kaito.Core.Catalog;
using Kaito.Core.Hardware;

namespace Kaito.Core.Workspaces;

/// <summary>What an operator offers to those who ask for a workload.</summary>
/// <param name="Catalog">The models that are known.</param>
/// <param name="Nodes">Where nodes come from.</param>
public sealed record Offer(ModelCatalog Catalog, NodeSource Nodes)
{
    /// <summary>
    /// A repository that the catalogue lacks is looked up later: until then it is a model of which nothing is known.
    /// </summary>
    public bool AnyRepository { get; init; }

    /// <summary>Models may be served by vLLM (gate vLLM); where not, transformers takes its place.</summary>
    public bool Vllm { get; init; } = true;
}
