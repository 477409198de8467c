using Kaito.Core.Api;
using Kaito.Core.Catalog;

namespace Kaito.Core.Workspaces;

/// <summary>The rules of a preset's name.</summary>
internal static class PresetRules
{
    /// <summary>The model that the preset names; null, and an error, when there is none.</summary>
    public static ModelPreset? Find(PresetSpec preset, string path, ModelCatalog catalog, Findings findings)
    {
        var name = preset.Name?.Trim();
        if (string.IsNullOrEmpty(name))
        {
            findings.Required(path, "Name a preset, e.g. phi-4-mini-instruct.");
            return null;
        }

        if (catalog.TryFind(name, out var model))
        {
            return model;
        }

        var question = NearestNames.Question(catalog.Nearest(name));
        if (catalog.IsDeprecated(name))
        {
            findings.Error(
                path, "deprecated-preset", $"\"{name}\" is deprecated and no longer served.{question} "
                + "Choose a newer preset, e.g. phi-4-mini-instruct.");
        }
        else
        {
            findings.Error(
                path, "unknown-preset", $"\"{name}\" is neither a preset nor a repository of the catalogue.{question} "
                + $"Presets are {string.Join(", ", catalog.Aliases.Keys)}.");
        }

        return null;
    }
}
