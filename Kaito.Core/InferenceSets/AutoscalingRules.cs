using System.Globalization;
using Kaito.Core.Api;
using Kaito.Core.Workspaces;

namespace Kaito.Core.InferenceSets;

/// <summary>PURE: what an InferenceSet may say about its number of replicas.</summary>
internal static class AutoscalingRules
{
    private const string Path = "spec.autoscaling";
    private const int DefaultRequests = 16;
    private static readonly TimeSpan s_delay = TimeSpan.FromMinutes(5);

    public static Autoscaling? Parse(InferenceSetResource resource, Findings findings)
    {
        CheckKeda(resource, findings);
        if (resource.Spec?.Autoscaling is not { } spec)
        {
            return null;
        }

        var (min, delay) = (spec.MinReplicas ?? 1, s_delay);
        if (spec.MaxReplicas is not { } max)
        {
            findings.Required($"{Path}.maxReplicas", "Use 1 or more: nodes with GPUs cost money.");
            return null;
        }

        CheckRange(min, 0, "minReplicas", findings);
        CheckRange(max, 1, "maxReplicas", findings);
        CheckRange(spec.TargetRequests, 1, "targetRequests", findings);
        CheckRange(spec.TargetTokensPerSecond, 1, "targetTokensPerSecond", findings);
        if (max >= 1 && min > max)
        {
            findings.Error(
                $"{Path}.minReplicas", "out-of-range", $"{min} is more than maxReplicas {max}. Use {max} or fewer.");
        }

        if (spec.ScaleDownDelay is { Length: > 0 } text
            && (!Durations.TryParse(text, out delay) || delay < TimeSpan.Zero || delay > TimeSpan.FromDays(1)))
        {
            findings.Error(
                $"{Path}.scaleDownDelay", "invalid-duration", $"\"{text}\" is not a duration up to 24h, e.g. 5m.");
        }

        var requests = spec is { TargetRequests: null, TargetTokensPerSecond: null } ? DefaultRequests : spec.TargetRequests;
        return new(min, max, requests, spec.TargetTokensPerSecond, delay);
    }

    // keda-kaito-scaler reads these annotations; this operator only says when they make no sense.
    private static void CheckKeda(InferenceSetResource resource, Findings findings)
    {
        var annotations = resource.Metadata.Annotations;
        if (annotations?.GetValueOrDefault(Annotations.KedaAutoProvision) is "true" && resource.Spec?.Autoscaling is not null)
        {
            findings.Error(
                Path, "two-autoscalers",
                $"KEDA sets the replicas too (annotation {Annotations.KedaAutoProvision}). Remove one of the two.");
        }

        foreach (var key in new[] { Annotations.KedaMaxReplicas, Annotations.KedaThreshold })
        {
            if (annotations?.GetValueOrDefault(key) is { } text
                && !(double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
                    && number > 0))
            {
                findings.Warning($"metadata.annotations[{key}]", $"\"{text}\" is not a number over 0; KEDA will not use it.");
            }
        }
    }

    private static void CheckRange(int? value, int least, string name, Findings findings)
    {
        if (value < least)
        {
            findings.Error($"{Path}.{name}", "out-of-range", $"{value} is less than {least}. Use {least} or more.");
        }
    }
}
