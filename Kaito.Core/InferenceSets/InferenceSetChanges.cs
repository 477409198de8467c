using System.Collections.Immutable;
using Kaito.Core.Api;

namespace Kaito.Core.InferenceSets;

/// <summary>What may not change in an InferenceSet after it was created.</summary>
internal static class InferenceSetChanges
{
    /// <summary>Every change that is not allowed; an edit of anything else replaces the Workspaces.</summary>
    public static ImmutableArray<FieldError> Check(InferenceSetResource before, InferenceSetResource after)
    {
        var (was, now) = (before.Spec?.Template?.Resource?.Partition, after.Spec?.Template?.Resource?.Partition);
        return was == now
            ? []
            :
            [
                new(
                    "spec.template.resource.partition", "immutable",
                    "field is immutable: nodes are partitioned for it. Keep it, or create another InferenceSet."),
            ];
    }
}
