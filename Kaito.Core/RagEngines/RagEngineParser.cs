using System.Text.RegularExpressions;
using Kaito.Core.Api;
using Kaito.Core.Hardware;
using Kaito.Core.Workspaces;

namespace Kaito.Core.RagEngines;

/// <summary>From a RAGEngine as the user wrote it to one that can be planned, or to every reason why it cannot.</summary>
public static partial class RagEngineParser
{
    private const string DefaultMountPath = "/mnt/data";

    /// <summary>Checks everything and fills in every default; the flat storage of v1alpha1 becomes a volume.</summary>
    /// <param name="resource">v1beta1 or v1alpha1.</param>
    /// <param name="nodeSource">Where nodes come from.</param>
    public static Validated<RagEngine> Parse(RagEngineResource resource, NodeSource nodeSource)
    {
        var findings = new Findings();
        CheckName(resource.Metadata.Name, findings);
        var family = ImageFamily(resource, findings);
        if (resource.Spec is not { } spec)
        {
            findings.Required("spec", "Set spec.embedding.");
            return findings.Errors;
        }

        WarnOfNoEffect(spec, findings);
        var compute = spec.Compute is null ? null : Compute(spec.Compute, nodeSource, findings);
        var embedding = ParseEmbedding(spec.Embedding, findings);
        var volume = Volume(spec.Storage, findings);
        var database = Database(spec.Storage?.VectorDB, findings);
        var model = Model(spec.InferenceService, findings);
        ReferenceRules.Check(spec, findings);
        if (!findings.Errors.IsEmpty || embedding is null)
        {
            return findings.Errors;
        }

        return new RagEngine
        {
            Name = resource.Metadata.Name!,
            Namespace = resource.Metadata.Namespace ?? "default",
            Uid = resource.Metadata.Uid ?? "",
            Generation = resource.Metadata.Generation ?? 0,
            Compute = compute,
            Embedding = embedding,
            Volume = volume,
            VectorDatabase = database,
            Model = model,
            Guardrails = Guardrails(spec.Guardrails),
            LoadBalancer = resource.Metadata.Annotations?.GetValueOrDefault(Annotations.EnableLoadBalancer) == "True",
            NodeImageFamily = family,
            Warnings = findings.Warnings,
        };
    }

    private static string? Guardrails(GuardrailsSpec? spec) =>
        spec?.Enabled == true ? spec.ConfigMapRef?.Name ?? "" : null;

    private static void CheckName(string? name, Findings findings)
    {
        if (string.IsNullOrEmpty(name))
        {
            findings.Required("metadata.name", "Give the RAGEngine a name.");
        }
        else if (!Names.IsLabel(name))
        {
            findings.Error(
                "metadata.name", "invalid-name",
                $"\"{name}\" is not a label of at most {Names.MaxLabel} lower-case letters, digits and dashes that starts "
                + "and ends with a letter or digit: its Service could not have that name.");
        }
    }

    private static string? ImageFamily(RagEngineResource resource, Findings findings)
    {
        if (resource.Metadata.Annotations?.GetValueOrDefault(Annotations.NodeImageFamily) is not { } text)
        {
            return null;
        }

        var family = text.Trim().ToLowerInvariant();
        if (family is "ubuntu" or "azurelinux")
        {
            return family;
        }

        findings.Error(
            $"metadata.annotations[\"{Annotations.NodeImageFamily}\"]", "unknown-value",
            $"\"{text}\" is unknown. Use one of azurelinux, ubuntu, or remove the annotation.");
        return null;
    }

    private static void WarnOfNoEffect(RagEngineSpec spec, Findings findings)
    {
        if (spec.QueryServiceName is { Length: > 0 })
        {
            findings.Warning("spec.queryServiceName", "The Service has the RAGEngine's own name; this one has no effect.");
        }

        if (spec.IndexServiceName is { Length: > 0 })
        {
            findings.Warning("spec.indexServiceName", "The Service has the RAGEngine's own name; this one has no effect.");
        }
    }

    private static RagCompute? Compute(ResourceSpec spec, NodeSource nodeSource, Findings findings)
    {
        var inner = new Findings();
        var nodes = ResourceRules.Parse(spec, hasPreset: false, nodeSource, inner);
        foreach (var error in inner.Errors)
        {
            findings.Error($"spec.compute{error.Path["resource".Length..]}", error.Code, error.Message);
        }

        return nodes is null ? null : new(nodes.Sku, nodes.Labels);
    }

    private static Embedding? ParseEmbedding(EmbeddingSpec? spec, Findings findings)
    {
        const string Path = "spec.embedding";
        switch (spec)
        {
            case null:
                findings.Required(Path, "Set spec.embedding.local.modelID or spec.embedding.remote.url.");
                return null;
            case { Remote: null, Local: null }:
                findings.Error(Path, "neither-remote-nor-local", "Neither remote nor local is set. Set one of them.");
                return null;
            case { Remote: not null, Local: not null }:
                findings.Error(Path, "remote-and-local", "Both remote and local are set. Remove one of them.");
                return null;
            case { Remote: { } remote }:
                return Address(remote.Url, $"{Path}.remote.url", findings) is { } url
                    ? new Embedding.Remote(url, NullIfEmpty(remote.AccessSecret))
                    : null;
            default:
                return Local(spec.Local!, $"{Path}.local", findings);
        }
    }

    private static Embedding? Local(LocalEmbedding local, string path, Findings findings)
    {
        var (image, model) = (NullIfEmpty(local.Image), NullIfEmpty(local.ModelID));
        if (image is null == model is null)
        {
            findings.Error(path, "one-source", "Set exactly one of image and modelID.");
            return null;
        }

        if (model is not null)
        {
            return new Embedding.Model(model, NullIfEmpty(local.ModelAccessSecret));
        }

        if (!TaggedImage().IsMatch(image!) || !Names.IsImage(image!))
        {
            findings.Error(
                $"{path}.image", "invalid-image",
                $"\"{image}\" is not a full image with a tag in lower case, such as registry.example.com/models/bge:1.0.");
            return null;
        }

        return new Embedding.Image(image!, NullIfEmpty(local.ImagePullSecret));
    }

    private static RagVolume? Volume(RagStorage? storage, Findings findings)
    {
        const string Path = "spec.storage";
        if (storage?.PersistentVolume is not { } nested)
        {
            return Volume(storage?.PersistentVolumeClaim, storage?.MountPath, Path, findings);
        }

        var volume = Volume(nested.PersistentVolumeClaim, nested.MountPath, $"{Path}.persistentVolume", findings);
        if (NullIfEmpty(storage.PersistentVolumeClaim) is { } flat && flat != nested.PersistentVolumeClaim)
        {
            findings.Error(
                $"{Path}.persistentVolumeClaim", "contradiction",
                $"\"{flat}\" and persistentVolume.persistentVolumeClaim \"{nested.PersistentVolumeClaim}\" differ. Remove one "
                + "of them.");
        }

        return volume;
    }

    private static RagVolume? Volume(string? claim, string? mountPath, string path, Findings findings)
    {
        if (string.IsNullOrEmpty(claim))
        {
            return null;
        }

        var place = NullIfEmpty(mountPath) ?? DefaultMountPath;
        if (place[0] != '/' || place.Contains(':', StringComparison.Ordinal) || place.Split('/').Contains(".."))
        {
            findings.Error($"{path}.mountPath", "invalid-path", $"\"{place}\" is not an absolute path, e.g. {DefaultMountPath}.");
        }

        return new(claim, place);
    }

    private static VectorDatabase? Database(VectorDbSpec? spec, Findings findings)
    {
        const string Path = "spec.storage.vectorDB";
        if (spec is null)
        {
            return null;
        }

        if (string.IsNullOrWhiteSpace(spec.Engine))
        {
            findings.Required($"{Path}.engine", "Name the kind of the database, e.g. qdrant.");
        }

        return Address(spec.Url, $"{Path}.url", findings) is { } url
            ? new((spec.Engine ?? "").Trim().ToLowerInvariant(), url, NullIfEmpty(spec.AccessSecret))
            : null;
    }

    private static AnsweringModel? Model(InferenceServiceSpec? spec, Findings findings)
    {
        const string Path = "spec.inferenceService";
        if (spec is null)
        {
            return null;
        }

        if (spec.ContextWindowSize is not > 0)
        {
            findings.Error(
                $"{Path}.contextWindowSize", "out-of-range",
                $"{spec.ContextWindowSize?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "Nothing"} is not a "
                + "number of tokens. Use the size of the model's context, e.g. 8192.");
        }

        var url = string.IsNullOrEmpty(spec.Url) ? null : Address(spec.Url, $"{Path}.url", findings);
        return new(url, NullIfEmpty(spec.AccessSecret), spec.ContextWindowSize ?? 1);
    }

    private static Uri? Address(string? text, string path, Findings findings)
    {
        if (string.IsNullOrEmpty(text))
        {
            findings.Required(path, "Use an address such as http://workspace-phi-4-mini/v1/chat/completions.");
            return null;
        }

        if (Uri.TryCreate(text, UriKind.Absolute, out var address)
            && (address.Scheme == Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps))
        {
            return address;
        }

        findings.Error(path, "invalid-url", $"\"{text}\" is not an http or https address.");
        return null;
    }

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    [GeneratedRegex("^.+/[^:/]+:[^:/]+\\z", RegexOptions.CultureInvariant)]
    private static partial Regex TaggedImage();
}
