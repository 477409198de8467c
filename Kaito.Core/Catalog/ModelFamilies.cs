using System.Collections.Immutable;
using System.Text.Json;

namespace Kaito.Core.Catalog;

/// <summary>
/// How models are run that differ only in name or architecture from those of the catalogue (families.json).
/// </summary>
internal sealed record ModelFamilies
{
    private static readonly Lazy<ModelFamilies> s_default = new(ReadEmbedded);

    public static ModelFamilies Default => s_default.Value;

    /// <summary>Names of models that do not reason although their family does.</summary>
    public required ImmutableArray<string> WithoutReasoning { get; init; }

    public required ImmutableSortedDictionary<string, string> ReasoningByPrefix { get; init; }

    public required ImmutableSortedDictionary<string, string> ReasoningByArchitecture { get; init; }

    public required ImmutableSortedDictionary<string, string> ToolsByPrefix { get; init; }

    public required ImmutableSortedDictionary<string, string> ToolsByArchitecture { get; init; }

    public required ImmutableSortedDictionary<string, string> ChatTemplateByPrefix { get; init; }

    public required ImmutableSortedDictionary<string, string> TokenizerModeByPrefix { get; init; }

    public required ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, string>> ArgumentsByPrefix
    {
        get;
        init;
    }

    public required ImmutableSortedDictionary<string, string> ArchitectureByPrefix { get; init; }

    /// <summary>What vLLM can run.</summary>
    public required ImmutableHashSet<string> VllmArchitectures { get; init; }

    /// <summary>The model with everything that its name and its architectures say about running it.</summary>
    public ModelPreset Complete(ModelPreset model, ImmutableArray<string> architectures)
    {
        var name = model.Name;
        return model with
        {
            ToolParser = Longest(ToolsByPrefix, name) ?? First(ToolsByArchitecture, architectures),
            ReasoningParser = WithoutReasoning.Contains(name)
                ? null
                : Longest(ReasoningByPrefix, name) ?? First(ReasoningByArchitecture, architectures),
            ChatTemplate = Longest(ChatTemplateByPrefix, name),
            TokenizerMode = Longest(TokenizerModeByPrefix, name) ?? model.TokenizerMode,
            VllmArguments = Longest(ArgumentsByPrefix, name) ?? ImmutableSortedDictionary<string, string>.Empty,
        };
    }

    /// <summary>The architectures of a model whose config.json names none.</summary>
    public ImmutableArray<string> Assumed(string name) =>
        Longest(ArchitectureByPrefix, name) is { } architecture ? [architecture] : [];

    private static T? Longest<T>(ImmutableSortedDictionary<string, T> byPrefix, string name)
        where T : class =>
        byPrefix.Where(p => name.StartsWith(p.Key, StringComparison.Ordinal))
            .OrderByDescending(static p => p.Key.Length).FirstOrDefault().Value;

    private static string? First(ImmutableSortedDictionary<string, string> byName, ImmutableArray<string> names) =>
        names.Select(n => byName.GetValueOrDefault(n)).FirstOrDefault(static v => v is not null);

    private static ModelFamilies ReadEmbedded()
    {
        using var stream = typeof(ModelFamilies).Assembly.GetManifestResourceStream("families.json")
            ?? throw new InvalidOperationException("The assembly lacks families.json.");
        return JsonSerializer.Deserialize(stream, CatalogJson.Default.ModelFamilies)
            ?? throw new InvalidOperationException("families.json is empty.");
    }
}
