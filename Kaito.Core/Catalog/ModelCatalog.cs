using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Kaito.Core.Catalog;

/// <summary>The models that KAITO knows, by repository and by alias, upper and lower case being the same.</summary>
public sealed class ModelCatalog
{
    private static readonly Lazy<ModelCatalog> s_default = new(ReadEmbedded);

    private readonly ImmutableDictionary<string, ModelPreset> _byRepository;
    private readonly ImmutableSortedDictionary<string, string> _aliases;

    private ModelCatalog(
        ImmutableArray<ModelPreset> models,
        ImmutableSortedDictionary<string, string> aliases)
    {
        Models = models;
        _aliases = aliases;
        _byRepository = models.ToImmutableDictionary(static m => m.Repository, StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>The catalogue that this build carries.</summary>
    public static ModelCatalog Default => s_default.Value;

    /// <summary>Every model, in the order of the catalogue.</summary>
    public ImmutableArray<ModelPreset> Models { get; }

    /// <summary>Repository by alias, e.g. <c>phi-3.5-mini-instruct</c>; those of KAITO 0.4 too.</summary>
    public IReadOnlyDictionary<string, string> Aliases => _aliases;

    /// <summary>Looks a preset up as a user writes it: an alias, or a repository.</summary>
    public bool TryFind(string name, [NotNullWhen(true)] out ModelPreset? model) => _byRepository.TryGetValue(
        _aliases.TryGetValue(name.ToLowerInvariant(), out var repository) ? repository : name, out model);

    /// <summary>
    /// At most three names that a user who wrote <paramref name="name"/> may have meant, the best first.
    /// </summary>
    public ImmutableArray<string> Nearest(string name) =>
        NearestNames.Of(name, _aliases.Keys.Concat(Models.Select(static m => m.Repository)));

    /// <summary>This catalogue and one model more, found by its repository only.</summary>
    /// <exception cref="ArgumentException">The repository is in the catalogue already.</exception>
    public ModelCatalog With(ModelPreset model) => _byRepository.ContainsKey(model.Repository)
        ? throw new ArgumentException($"{model.Repository} is in the catalogue.", nameof(model))
        : new([.. Models, model], _aliases);

    private static ModelCatalog ReadEmbedded()
    {
        using var stream = typeof(ModelCatalog).Assembly.GetManifestResourceStream("catalog.json")
            ?? throw new InvalidOperationException("The assembly lacks catalog.json.");
        var file = JsonSerializer.Deserialize(stream, CatalogJson.Default.CatalogFile)
            ?? throw new InvalidOperationException("catalog.json is empty.");
        return new(
            [.. file.Models.Select(static entry => entry.ToPreset())], file.Aliases.AddRange(file.LegacyAliases));
    }
}
