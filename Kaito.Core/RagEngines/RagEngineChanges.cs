using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Workspaces;

namespace Kaito.Core.RagEngines;

/// <summary>What may not change in a RAGEngine after it was created.</summary>
internal static class RagEngineChanges
{
    private const string Path = "spec.compute";

    /// <summary>Every change that is not allowed: the nodes stay as they were asked for.</summary>
    public static ImmutableArray<FieldError> Check(RagEngineResource before, RagEngineResource after)
    {
        var findings = new Findings();
        switch (before.Spec?.Compute, after.Spec?.Compute)
        {
            case (null, not null):
                findings.Error(
                    Path, "immutable", "Compute resources cannot be added after creation. Create another RAGEngine.");
                break;
            case (not null, null):
                findings.Error(
                    Path, "immutable", "Compute resources cannot be removed after creation. Create another RAGEngine.");
                break;
            case ({ } was, { } now):
                WorkspaceChanges.CheckResource(was, now, Path, findings);
                break;
            default:
                break;
        }

        return findings.Errors;
    }
}
