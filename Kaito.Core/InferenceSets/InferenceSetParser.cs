using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Kaito.Core.Api;
using Kaito.Core.Workspaces;

namespace Kaito.Core.InferenceSets;

/// <summary>From an InferenceSet as the user wrote it to one that can be planned, or to every reason why it cannot.</summary>
public static class InferenceSetParser
{
    // Room for "-" and five characters that make the name of a Workspace, and for what a Workspace adds to its own.
    private const int MaxName = Names.MaxWorkload - 6;

    private static readonly TimeSpan s_window = TimeSpan.FromHours(4);

    /// <summary>Checks everything, the Workspace that would be made included, and fills in every default.</summary>
    /// <param name="resource">v1beta1 or v1alpha1.</param>
    /// <param name="offer">What there is to ask for.</param>
    /// <param name="contextTokens">As for <see cref="WorkspaceParser.Parse"/>.</param>
    public static Validated<InferenceSet> Parse(
        InferenceSetResource resource, Offer offer, int? contextTokens = null)
    {
        var findings = new Findings();
        CheckName(resource.Metadata.Name, findings);
        if (resource.Spec is not { } spec)
        {
            findings.Required("spec", "Set spec.labelSelector and spec.template.");
            return findings.Errors;
        }

        if (spec.Replicas is < 0)
        {
            findings.Error("spec.replicas", "out-of-range", $"{spec.Replicas} is not a number of replicas. Use 0 or more.");
        }

        var upgrade = Upgrade(spec.AutoUpgrade, findings);
        var autoscaling = AutoscalingRules.Parse(resource, findings);
        var unavailable = MaxUnavailable(spec, findings, out var onDelete);
        var child = Child(resource, spec);
        var nodes = CheckChild(child, offer, contextTokens, findings);
        return findings.Errors.IsEmpty
            ? new InferenceSet
            {
                Name = resource.Metadata.Name!,
                Namespace = resource.Metadata.Namespace ?? "default",
                Uid = resource.Metadata.Uid ?? "",
                Generation = resource.Metadata.Generation ?? 0,
                Replicas = spec.Replicas ?? 1,
                MaxUnavailable = unavailable,
                OnDelete = onDelete,
                Template = child,
                NodesPerReplica = nodes,
                NodeLimit = spec.NodeCountLimit,
                AutoUpgrade = upgrade,
                Autoscaling = autoscaling,
                Warnings = findings.Warnings,
            }
            : findings.Errors;
    }

    /// <summary>What a Workspace of the set is made from; it lacks a name and an owner.</summary>
    private static WorkspaceResource Child(InferenceSetResource resource, InferenceSetSpec spec)
    {
        var annotations = ChildAnnotations(resource, spec.Template?.Metadata);
        return new()
        {
            Metadata = new()
            {
                Namespace = resource.Metadata.Namespace,
                Labels = ChildLabels(resource, spec.Template?.Metadata),
                Annotations = annotations.IsEmpty ? null : annotations,
            },
            Resource = new()
            {
                InstanceType = spec.Template?.Resource?.InstanceType,
                FallbackInstanceTypes = spec.Template?.Resource?.FallbackInstanceTypes,
                Partition = spec.Template?.Resource?.Partition,
                LabelSelector = spec.LabelSelector,
            },
            Inference = spec.Template?.Inference,
        };
    }

    private static ImmutableSortedDictionary<string, string> ChildLabels(InferenceSetResource resource, JsonElement? metadata)
    {
        var inherited = (resource.Metadata.Labels ?? ImmutableSortedDictionary<string, string>.Empty)
            .Where(static label => label.Key is Labels.CreatedByMultiRoleInference or Labels.InferenceRole);
        return Map(metadata, "labels")
            .SetItems(inherited)
            .SetItem(Labels.CreatedByInferenceSet, resource.Metadata.Name ?? "");
    }

    // The set's own annotation reaches a replica where the template has none: what the set says must hold for all of it.
    private static ImmutableSortedDictionary<string, string> ChildAnnotations(
        InferenceSetResource resource, JsonElement? metadata)
    {
        var inherited = (resource.Metadata.Annotations ?? ImmutableSortedDictionary<string, string>.Empty)
            .Where(static annotation => Annotations.FromSetToReplica.Contains(annotation.Key))
            .ToImmutableSortedDictionary();
        return inherited.SetItems(Map(metadata, "annotations"));
    }

    private static int? CheckChild(
        WorkspaceResource child, Offer offer, int? contextTokens, Findings findings)
    {
        var named = child with { Metadata = child.Metadata with { Name = "replica" } };
        if (WorkspaceParser.Parse(named, offer, contextTokens).TryGet(out var workspace, out var errors))
        {
            foreach (var warning in workspace.Warnings)
            {
                findings.Warning("spec.template", warning);
            }

            return workspace.ModelKnown ? workspace.Nodes : null;
        }

        foreach (var error in errors)
        {
            findings.Error(PathInSet(error.Path), error.Code, error.Message);
        }

        return 1;
    }

    private static string PathInSet(string path) => path switch
    {
        "" => "spec.template",
        _ when path.StartsWith("resource.labelSelector", StringComparison.Ordinal) => $"spec{path["resource".Length..]}",
        _ => $"spec.template.{path}",
    };

    private static void CheckName(string? name, Findings findings)
    {
        if (string.IsNullOrEmpty(name))
        {
            findings.Required("metadata.name", "Give the InferenceSet a name.");
        }
        else if (!Names.IsLabel(name))
        {
            findings.Error(
                "metadata.name", "invalid-name",
                $"\"{name}\" is not a label of lower-case letters, digits and dashes that starts and ends with a letter or "
                + "digit.");
        }
        else if (name.Length > MaxName)
        {
            findings.Error(
                "metadata.name", "name-too-long",
                $"\"{name}\" has {name.Length} characters. Use at most {MaxName}: the names of Workspaces are made from it.");
        }
    }

    private static int MaxUnavailable(InferenceSetSpec spec, Findings findings, out bool onDelete)
    {
        const string Path = "spec.updateStrategy";
        onDelete = false;
        if (spec.UpdateStrategy is not { ValueKind: JsonValueKind.Object } strategy)
        {
            return 1;
        }

        var type = strategy.TryGetProperty("type", out var given) ? given.ToString() : "RollingUpdate";
        if (type is not ("RollingUpdate" or "OnDelete" or ""))
        {
            findings.Error($"{Path}.type", "unknown-value", $"\"{type}\" is unknown. Use RollingUpdate or OnDelete.");
        }

        onDelete = type == "OnDelete";
        return strategy.TryGetProperty("rollingUpdate", out var rolling) && rolling.ValueKind == JsonValueKind.Object
            && rolling.TryGetProperty("maxUnavailable", out var value)
            ? Share(value.ToString(), spec.Replicas ?? 1, $"{Path}.rollingUpdate.maxUnavailable", findings)
            : 1;
    }

    // A number, or a percentage of the replicas; as Kubernetes rounds it down, and at least one makes progress.
    private static int Share(string text, int replicas, string path, Findings findings)
    {
        var percent = text.EndsWith('%');
        if (!int.TryParse(text.TrimEnd('%'), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            || (percent && number > 100))
        {
            findings.Error(path, "out-of-range", $"\"{text}\" is neither a number nor a percentage, e.g. 1 or 25%.");
            return 1;
        }

        return Math.Max(1, percent ? (int)((long)replicas * number / 100) : number);
    }

    private static AutoUpgrade? Upgrade(AutoUpgradeSpec? spec, Findings findings)
    {
        const string Path = "spec.autoUpgrade.maintenanceWindow";
        CronSchedule? schedule = null;
        var duration = s_window;
        if (spec?.MaintenanceWindow is { } window)
        {
            if (string.IsNullOrWhiteSpace(window.Schedule))
            {
                findings.Required($"{Path}.schedule", "Use five cron fields in UTC, e.g. \"0 2 * * 6\".");
            }
            else if (!CronSchedule.TryParse(window.Schedule, out schedule, out var problem))
            {
                findings.Error($"{Path}.schedule", "invalid-cron", $"\"{window.Schedule}\" {problem}.");
            }

            if (window.Duration is { Length: > 0 } text
                && (!Durations.TryParse(text, out duration) || duration <= TimeSpan.Zero))
            {
                findings.Error($"{Path}.duration", "invalid-duration", $"\"{text}\" is not a duration over zero, e.g. 4h.");
            }
        }

        return spec?.Enabled == true ? new(spec.Strategy == "Surge", schedule, duration) : null;
    }

    private static ImmutableSortedDictionary<string, string> Map(JsonElement? metadata, string name) =>
        metadata is { ValueKind: JsonValueKind.Object } owner
            && owner.TryGetProperty(name, out var map) && map.ValueKind == JsonValueKind.Object
            ? map.EnumerateObject().ToImmutableSortedDictionary(static p => p.Name, static p => p.Value.ToString())
            : ImmutableSortedDictionary<string, string>.Empty;
}
