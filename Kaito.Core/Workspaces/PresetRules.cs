using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Catalog;

namespace Kaito.Core.Workspaces;

/// <summary>The rules of a preset's name and of what names its model.</summary>
internal static class PresetRules
{
    private static readonly ImmutableArray<string> s_dtypes = ["auto", "bfloat16", "float16", "float32"];

    /// <summary>
    /// The model that the preset names, or one of which nothing is known yet; null, and an error, when there is none.
    /// </summary>
    public static ModelPreset? Find(PresetSpec preset, string path, Offer offer, Findings findings)
    {
        CheckDtype(preset, path, findings);
        var name = preset.Name?.Trim();
        if (string.IsNullOrEmpty(name))
        {
            findings.Required($"{path}.name", "Name a preset, e.g. phi-4-mini-instruct.");
            return null;
        }

        return preset.PresetOptions?.ModelId?.Trim() is { Length: > 0 } id
            ? Named(name, $"{path}.name", findings) ? Find(id, $"{path}.presetOptions.modelId", offer, findings) : null
            : Find(name, $"{path}.name", offer, findings);
    }

    /// <summary>
    /// The model id that clients send: upstream's name of the model, or the user's where the user names another.
    /// </summary>
    public static string ServedName(PresetSpec preset, ModelPreset model, ModelCatalog catalog) =>
        preset is not { Name: { } name, PresetOptions.ModelId: { } id } || string.IsNullOrWhiteSpace(id) ? model.Name
        : catalog.TryFind(name.Trim(), out var named) ? named.Name
        : name.Trim();

    private static ModelPreset? Find(string name, string path, Offer offer, Findings findings)
    {
        if (offer.Catalog.TryFind(name, out var model))
        {
            return model;
        }

        var question = NearestNames.Question(offer.Catalog.Nearest(name));
        if (name.Contains('/', StringComparison.Ordinal))
        {
            if (!Names.IsRepository(name))
            {
                findings.Error(
                    path, "invalid-repository",
                    $"\"{name}\" is not a Hugging Face repository such as microsoft/phi-4.{question}");
                return null;
            }

            if (offer.AnyRepository)
            {
                return ModelPreset.Unknown(name);
            }
        }

        findings.Error(
            path, "unknown-preset", $"\"{name}\" is neither a preset nor a repository of the catalogue.{question} "
            + $"Presets are {string.Join(", ", offer.Catalog.Aliases.Keys)}.");
        return null;
    }

    private static bool Named(string name, string path, Findings findings)
    {
        if (Names.IsModel(name) || Names.IsRepository(name))
        {
            return true;
        }

        findings.Error(
            path, "invalid-name",
            $"\"{name}\" is not a model id of letters, digits, dashes, dots and underscores, e.g. my-model.");
        return false;
    }

    private static void CheckDtype(PresetSpec preset, string path, Findings findings)
    {
        if (preset.PresetOptions?.TorchDtype is { Length: > 0 } dtype && !s_dtypes.Contains(dtype))
        {
            findings.Error(
                $"{path}.presetOptions.torchDtype", "unknown-value",
                $"\"{dtype}\" is unknown. Use one of {string.Join(", ", s_dtypes)}, or leave it out.");
        }
    }
}
