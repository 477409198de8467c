using Kaito.Core.Api;
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

    /// <summary>
    /// The repository that somebody must look up before the preset can be served; <see langword="null"/> when the catalogue
    /// has it, when nothing is looked up, and when what is written is wrong.
    /// </summary>
    public string? LookupOf(PresetSpec preset)
    {
        var name = preset.PresetOptions?.ModelId?.Trim() is { Length: > 0 } id ? id : preset.Name?.Trim();
        var secret = preset.PresetOptions?.ModelAccessSecret;
        if (secret is { Length: > 0 } && !Names.IsSubdomain(secret))
        {
            return null;
        }

        return AnyRepository && name is not null && Names.IsRepository(name) && !Catalog.TryFind(name, out _) ? name : null;
    }

    /// <summary>Models may be served by vLLM (gate vLLM); where not, transformers takes its place.</summary>
    public bool Vllm { get; init; } = true;
}
