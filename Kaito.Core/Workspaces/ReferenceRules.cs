using System.Collections.Immutable;
using Kaito.Core.Api;

namespace Kaito.Core.Workspaces;

/// <summary>
/// The syntax of the names of Secrets, ConfigMaps and claims: a wrong one would fail in the pod, or not even get there.
/// </summary>
internal static class ReferenceRules
{
    /// <summary>Checks every name that a Workspace gives; whether the objects exist is for the reconciler.</summary>
    public static void Check(WorkspaceResource resource, Findings findings)
    {
        CheckPreset(resource.Inference?.Preset, "inference.preset", findings);
        var adapters = resource.Inference?.Adapters ?? [];
        for (var i = 0; i < adapters.Length; i++)
        {
            CheckAll(adapters[i].Source?.ImagePullSecrets, $"inference.adapters[{i}].source.imagePullSecrets", findings);
        }

        CheckPreset(resource.Tuning?.Preset, "tuning.preset", findings);
        CheckName(resource.Tuning?.Config, "tuning.config", "ConfigMap", findings);
        CheckAll(resource.Tuning?.Input?.ImagePullSecrets, "tuning.input.imagePullSecrets", findings);
        CheckName(resource.Tuning?.Output?.ImagePushSecret, "tuning.output.imagePushSecret", "Secret", findings);
    }

    /// <summary>Checks every name that a RAGEngine gives.</summary>
    public static void Check(RagEngineSpec spec, Findings findings)
    {
        CheckName(spec.Embedding?.Local?.ImagePullSecret, "spec.embedding.local.imagePullSecret", "Secret", findings);
        CheckName(spec.Embedding?.Local?.ModelAccessSecret, "spec.embedding.local.modelAccessSecret", "Secret", findings);
        CheckName(spec.Embedding?.Remote?.AccessSecret, "spec.embedding.remote.accessSecret", "Secret", findings);
        CheckName(spec.InferenceService?.AccessSecret, "spec.inferenceService.accessSecret", "Secret", findings);
        CheckStorage(spec.Storage, findings);
        CheckName(spec.Guardrails?.ConfigMapRef?.Name, "spec.guardrails.configMapRef.name", "ConfigMap", findings);
    }

    private static void CheckStorage(RagStorage? storage, Findings findings)
    {
        const string Claim = "PersistentVolumeClaim";
        CheckName(storage?.VectorDB?.AccessSecret, "spec.storage.vectorDB.accessSecret", "Secret", findings);
        CheckName(storage?.PersistentVolumeClaim, "spec.storage.persistentVolumeClaim", Claim, findings);
        CheckName(
            storage?.PersistentVolume?.PersistentVolumeClaim, "spec.storage.persistentVolume.persistentVolumeClaim", Claim,
            findings);
    }

    private static void CheckPreset(PresetSpec? preset, string path, Findings findings) => CheckName(
        preset?.PresetOptions?.ModelAccessSecret, $"{path}.presetOptions.modelAccessSecret", "Secret", findings);

    private static void CheckAll(ImmutableArray<string>? names, string path, Findings findings)
    {
        for (var i = 0; i < (names ?? []).Length; i++)
        {
            CheckName(names!.Value[i], $"{path}[{i}]", "Secret", findings);
        }
    }

    private static void CheckName(string? name, string path, string kind, Findings findings)
    {
        if (name is { Length: > 0 } && !Names.IsSubdomain(name))
        {
            findings.Error(
                path, "invalid-name",
                $"\"{name}\" is not the name of a {kind}: lower-case letters, digits, dashes and dots.");
        }
    }
}
