using System.Collections.Immutable;
using System.Text.Json;
using Kaito.Core.Api;
using Kaito.Core.Catalog;

namespace Kaito.Core.Workspaces;

/// <summary>The rules of <c>tuning</c>.</summary>
internal static class TuningRules
{
    /// <summary>Checks all of <c>tuning</c> and what it needs of the rest.</summary>
    public static TuningWorkload? Parse(WorkspaceResource resource, TuningSpec spec, Offer offer, Findings findings)
    {
        CheckNodes(resource.Resource, findings);
        var upstream = RuntimeChoice.Requested(resource, findings) is InferenceRuntime.Transformers or InferenceRuntime.Vllm;
        var method = Method(spec.Method, findings);
        var input = Input(spec.Input, findings);
        var output = Output(spec.Output, findings);
        var model = spec.Preset is { } preset
            ? PresetRules.Find(preset, "tuning.preset", offer, findings)
            : Missing<ModelPreset>("tuning.preset", "Name the model to tune, e.g. phi-4-mini-instruct.", findings);
        CheckTunable(model, upstream, findings);
        return method is { } chosen && input is not null && output is not null && model is not null
            ? new(model, chosen, input, output)
            {
                Upstream = upstream,
                ConfigMap = NullIfEmpty(spec.Config),
                AccessSecret = NullIfEmpty(spec.Preset?.PresetOptions?.ModelAccessSecret),
            }
            : null;
    }

    private static void CheckTunable(ModelPreset? model, bool upstream, Findings findings)
    {
        const string Path = "tuning.preset.name";
        if (model is not { Known: true })
        {
            return;
        }

        if (upstream && model.TuningWeights is null)
        {
            findings.Error(
                Path, "not-tunable",
                $"Upstream's tuner has no weights of {model.Repository}. Choose another preset, e.g. phi-4-mini-instruct"
                + (OnnxModels.CanServe(model) ? $", or set the annotation {Annotations.Runtime} to onnx." : "."));
        }
        else if (!upstream && !OnnxModels.CanServe(model))
        {
            findings.Error(
                Path, "not-tunable",
                $"{OnnxModels.Describe(model)} cannot be tuned. Choose another preset, e.g. phi-4-mini-instruct.");
        }
    }

    private static void CheckNodes(ResourceSpec? resource, Findings findings)
    {
        if (resource?.Count is > 1 and var count)
        {
            findings.Error(
                "resource.count", "tuning-on-one-node", $"A model is tuned on one node, and {count} are asked for. Set 1.");
        }

        if (resource?.Partition is not null && findings.Errors.All(static e => e.Path != "resource.partition"))
        {
            findings.Error(
                "resource.partition", "partition-unsupported", "Tuning uses whole GPUs. Remove resource.partition.");
        }
    }

    private static TuningMethod? Method(string? method, Findings findings)
    {
        switch (method?.Trim().ToLowerInvariant())
        {
            case "lora":
                return TuningMethod.Lora;
            case "qlora":
                return TuningMethod.Qlora;
            case null or "":
                findings.Required("tuning.method", "Use lora or qlora.");
                return null;
            default:
                findings.Error("tuning.method", "unknown-method", $"\"{method}\" is not a method. Use lora or qlora.");
                return null;
        }
    }

    private static TuningInput? Input(DataSource? source, Findings findings)
    {
        const string Path = "tuning.input";
        if (source is null)
        {
            return Missing<TuningInput>(Path, "Set one of urls, image and volumeSource.", findings);
        }

        var urls = source.Urls ?? [];
        var volume = source.VolumeSource ?? source.Volume;
        if (Count(!urls.IsEmpty, source.Image, volume) != 1)
        {
            findings.Error(Path, "one-source", "Set exactly one of urls, image and volumeSource.");
            return null;
        }

        if (!urls.IsEmpty)
        {
            return Addresses(urls, findings) is { } addresses ? new TuningInput.Urls(addresses) : null;
        }

        return volume is { } place
            ? new TuningInput.Volume(place)
            : CheckImage(source.Image!, $"{Path}.image", findings)
                ? new TuningInput.Image(source.Image!, source.ImagePullSecrets ?? [])
                : null;
    }

    private static TuningOutput? Output(DataDestination? destination, Findings findings)
    {
        const string Path = "tuning.output";
        if (destination is null)
        {
            return Missing<TuningOutput>(Path, "Set one of image and volumeSource.", findings);
        }

        var volume = destination.VolumeSource ?? destination.Volume;
        if (Count(false, destination.Image, volume) != 1)
        {
            findings.Error(Path, "one-destination", "Set exactly one of image and volumeSource.");
            return null;
        }

        if (volume is { } place)
        {
            return new TuningOutput.Volume(place);
        }

        var valid = CheckImage(destination.Image!, $"{Path}.image", findings);
        if (destination.ImagePushSecret is not { Length: > 0 } secret)
        {
            return Missing<TuningOutput>(
                $"{Path}.imagePushSecret", "Name the Secret that the image is pushed with.", findings);
        }

        return valid ? new TuningOutput.Image(destination.Image!, secret) : null;
    }

    private static ImmutableArray<Uri>? Addresses(ImmutableArray<string> urls, Findings findings)
    {
        var addresses = ImmutableArray.CreateBuilder<Uri>(urls.Length);
        for (var i = 0; i < urls.Length; i++)
        {
            if (PublicAddresses.Parse(urls[i], out var problem) is { } address)
            {
                addresses.Add(address);
            }
            else
            {
                findings.Error($"tuning.input.urls[{i}]", "invalid-url", $"\"{urls[i]}\" {problem}");
            }
        }

        return addresses.Count == urls.Length ? addresses.ToImmutable() : null;
    }

    private static int Count(bool urls, string? image, JsonElement? volume) =>
        (urls ? 1 : 0) + (string.IsNullOrEmpty(image) ? 0 : 1) + (volume is null ? 0 : 1);

    private static bool CheckImage(string reference, string path, Findings findings)
    {
        if (Names.IsImage(reference))
        {
            return true;
        }

        findings.Error(
            path, "invalid-image", $"\"{reference}\" is not an image such as registry.example.com/data/set:1.0.");
        return false;
    }

    private static T? Missing<T>(string path, string remedy, Findings findings)
        where T : class
    {
        findings.Required(path, remedy);
        return null;
    }

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
