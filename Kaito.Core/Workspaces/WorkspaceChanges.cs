using System.Collections.Immutable;
using System.Text.Json;
using Kaito.Core.Api;

namespace Kaito.Core.Workspaces;

/// <summary>What may not change in a Workspace after it was created.</summary>
internal static class WorkspaceChanges
{
    private const string DefaultAccessMode = "public";

    /// <summary>Every change that is not allowed; none for a field that stays as it was.</summary>
    public static ImmutableArray<FieldError> Check(WorkspaceResource before, WorkspaceResource after)
    {
        var findings = new Findings();
        CheckToggle(before.Inference is null, after.Inference is null, "inference", findings);
        CheckToggle(before.Tuning is null, after.Tuning is null, "tuning", findings);
        if (before.Resource is { } oldNodes && after.Resource is { } newNodes)
        {
            CheckResource(oldNodes, newNodes, "resource", findings);
        }

        if (before.Inference is { } oldModel && after.Inference is { } newModel)
        {
            CheckInference(oldModel, newModel, findings);
        }

        if (before.Tuning is { } oldJob && after.Tuning is { } newJob)
        {
            CheckTuning(oldJob, newJob, findings);
        }

        return findings.Errors;
    }

    /// <summary>The rules of the nodes, which a RAGEngine's <c>spec.compute</c> has too.</summary>
    public static void CheckResource(ResourceSpec before, ResourceSpec after, string path, Findings findings)
    {
        if (before.Count is { } count && after.Count is { } now && count != now)
        {
            Immutable($"{path}.count", Number(count), Number(now), findings);
        }

        // Clearing it is for clusters with nodes of their own; where nodes are provisioned it is missing then.
        if (before.InstanceType is { Length: > 0 } type && after.InstanceType is { Length: > 0 } wanted
            && !wanted.Trim().Equals(type.Trim(), StringComparison.OrdinalIgnoreCase))
        {
            Immutable($"{path}.instanceType", type, wanted, findings);
        }

        if (before.Partition != after.Partition)
        {
            Immutable($"{path}.partition", Show(before.Partition), Show(after.Partition), findings);
        }

        if (!ResourceRules.SameLabels(before.LabelSelector, after.LabelSelector))
        {
            Immutable($"{path}.labelSelector", "the labels that the nodes were chosen by", "others", findings);
        }
    }

    private static void CheckToggle(bool wasUnset, bool isUnset, string path, Findings findings)
    {
        if (wasUnset != isUnset)
        {
            findings.Error(
                path, "immutable",
                (isUnset ? "It was set and cannot be removed" : "It was not set and cannot be added")
                + " after creation. Create another Workspace.");
        }
    }

    private static void CheckInference(InferenceSpec before, InferenceSpec after, Findings findings)
    {
        if (Text(before.Preset) != Text(after.Preset))
        {
            Immutable("inference.preset", Name(before.Preset), Name(after.Preset), findings);
        }

        CheckToggle(before.Template is null, after.Template is null, "inference.template", findings);
    }

    private static void CheckTuning(TuningSpec before, TuningSpec after, Findings findings)
    {
        if (Text(before.Preset) != Text(after.Preset))
        {
            Immutable("tuning.preset", Name(before.Preset), Name(after.Preset), findings);
        }

        Keep("tuning.method", before.Method, after.Method, StringComparison.OrdinalIgnoreCase, findings);
        Keep("tuning.input.name", before.Input?.Name, after.Input?.Name, StringComparison.Ordinal, findings);
    }

    private static void Keep(string path, string? before, string? after, StringComparison comparison, Findings findings)
    {
        var (was, now) = (before?.Trim() ?? "", after?.Trim() ?? "");
        if (!was.Equals(now, comparison))
        {
            Immutable(path, was.Length == 0 ? "absent" : was, now.Length == 0 ? "absent" : now, findings);
        }
    }

    private static void Immutable(string path, string before, string after, Findings findings) => findings.Error(
        path, "immutable",
        $"field is immutable: it was {before} and cannot become {after}. Keep it, or create another object.");

    // The API server fills in the access mode and leaves out empty options; neither is a change.
    private static string Text(PresetSpec? preset) => preset is null
        ? ""
        : JsonSerializer.Serialize(
            preset with
            {
                AccessMode = preset.AccessMode ?? DefaultAccessMode,
                PresetOptions = preset.PresetOptions ?? new(),
            },
            WorkspaceJson.Default.PresetSpec);

    private static string Name(PresetSpec? preset) => preset?.Name ?? "absent";

    private static string Show(PartitionSpec? partition) =>
        partition is null ? "absent" : $"mode {partition.Mode} {partition.Profile}{partition.Count}".TrimEnd();

    private static string Number(int number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
