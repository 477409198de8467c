using Kaito.Core.Api;
using Kaito.Core.Hardware;

namespace Kaito.Core.Workspaces;

/// <summary>The part of a node's GPUs that each pod has.</summary>
internal abstract record GpuPart
{
    private GpuPart()
    {
    }

    /// <summary>One slice of one GPU.</summary>
    public sealed record Slice(MigProfile Profile) : GpuPart;

    /// <summary>Some whole GPUs.</summary>
    public sealed record Some(int Gpus) : GpuPart;
}

/// <summary>The rules of <c>resource.partition</c> on existing nodes.</summary>
internal static class PartitionRules
{
    public const string FieldPath = "resource.partition";

    /// <summary>What was asked for; <see langword="null"/> when nothing, or when it is an error.</summary>
    public static GpuPart? Parse(PartitionSpec? spec, NodeSource.Existing source, Findings findings)
    {
        switch (spec?.Mode)
        {
            case null when spec is null:
                return null;
            case "mig":
                CheckAllowed("mig", "enableMIG", source.MigAllowed, findings);
                return Slice(spec, findings);
            case "accelerator":
                CheckAllowed("accelerator", "enableAccelerator", source.AcceleratorAllowed, findings);
                return Some(spec, findings);
            default:
                findings.Error(
                    $"{FieldPath}.mode", "unknown-value", $"\"{spec?.Mode}\" is unknown. Use mig or accelerator.");
                return null;
        }
    }

    private static void CheckAllowed(string mode, string gate, bool allowed, Findings findings)
    {
        if (!allowed)
        {
            findings.Error(
                FieldPath, "gate-off",
                $"Mode {mode} is not enabled. Start the operator with --feature-gates {gate}=true, or remove partition.");
        }
    }

    private static GpuPart.Slice? Slice(PartitionSpec spec, Findings findings)
    {
        if (spec.Count is not null)
        {
            findings.Error(
                $"{FieldPath}.count", "not-with-mig", "Mode mig has one slice per pod. Remove count, or use mode accelerator.");
        }

        if (MigProfile.Find(spec.Profile) is { } profile)
        {
            return new(profile);
        }

        findings.Error(
            $"{FieldPath}.profile", spec.Profile is { Length: > 0 } ? "unknown-profile" : "required",
            $"\"{spec.Profile}\" is not a MIG profile."
            + NearestNames.Question(NearestNames.Of(spec.Profile ?? "", MigProfile.Known))
            + $" Use one of {string.Join(", ", MigProfile.Known)}.");
        return null;
    }

    private static GpuPart.Some? Some(PartitionSpec spec, Findings findings)
    {
        if (spec.Profile is { Length: > 0 })
        {
            findings.Error(
                $"{FieldPath}.profile", "not-with-accelerator",
                "Mode accelerator has whole GPUs. Remove profile, or use mode mig.");
        }

        if (spec.Count is >= 1)
        {
            return new(spec.Count.Value);
        }

        findings.Error(
            $"{FieldPath}.count", spec.Count is null ? "required" : "out-of-range",
            "Mode accelerator needs the number of whole GPUs of each pod, 1 or more.");
        return null;
    }
}
