using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.InferenceSets;
using Kaito.Core.Kubernetes;
using Kaito.Core.RagEngines;
using Kaito.Core.Workspaces;

namespace Kaito.Core.Admission;

/// <summary>
/// Whether an object may be created, or become another. The rules are those of the reconciler, so that what is let
/// through can be carried out; what needs a look at the cluster (ConfigMaps, Secrets, nodes) is the reconciler's alone.
/// </summary>
/// <remarks>
/// An update is refused for what it makes wrong, never for what was wrong before it, and an object that is being deleted
/// is always let through: nothing here may keep a finalizer from going.
/// </remarks>
public sealed class AdmissionRules(Offer offer)
{
    /// <summary>A Workspace that is created, where <paramref name="before"/> is null, or updated.</summary>
    public Verdict Workspace(WorkspaceResource? before, WorkspaceResource after) => Judge(
        before, after, resource => Of(WorkspaceParser.Parse(resource, offer), static w => w.Warnings),
        static (old, next) =>
            old.Unreadable is null && next.Unreadable is null ? WorkspaceChanges.Check(old, next) : []);

    /// <summary>
    /// What of a Workspace was changed and may not be, one error for each field; for a reconcile that finds a change which
    /// nobody has kept out.
    /// </summary>
    /// <param name="before">As it was accepted.</param>
    /// <param name="after">As it is.</param>
    public static ImmutableArray<FieldError> Changes(WorkspaceResource before, WorkspaceResource after) =>
        WorkspaceChanges.Check(before, after);

    /// <summary>An InferenceSet that is created, where <paramref name="before"/> is null, or updated.</summary>
    public Verdict InferenceSet(InferenceSetResource? before, InferenceSetResource after) => Judge(
        before, after, resource => Of(InferenceSetParser.Parse(resource, offer), static s => s.Warnings),
        InferenceSetChanges.Check);

    /// <summary>A RAGEngine that is created, where <paramref name="before"/> is null, or updated.</summary>
    public Verdict RagEngine(RagEngineResource? before, RagEngineResource after) => Judge(
        before, after, resource => Of(RagEngineParser.Parse(resource, offer.Nodes), static r => r.Warnings),
        RagEngineChanges.Check);

    private static Verdict Judge<T>(
        T? before, T after, Func<T, Verdict> parse, Func<T, T, ImmutableArray<FieldError>> changes)
        where T : class, IKubeObject
    {
        if (after.Metadata.DeletionTimestamp is not null)
        {
            return Verdict.Nothing;
        }

        var now = parse(after);
        if (before is null)
        {
            return now;
        }

        var changed = changes(before, after);
        var known = parse(before).Errors;
        ImmutableArray<FieldError> errors =
        [
            .. changed,
            .. now.Errors.Where(e => !known.Contains(e) && changed.All(c => c.Path != e.Path)),
        ];
        return errors.IsEmpty ? new([], [.. now.Warnings, .. now.Errors.Select(Still)]) : new(errors, []);
    }

    // Let through, because this update did not bring it in; the user learns of it all the same.
    private static string Still(FieldError error) =>
        $"still wrong: {(error.Path.Length == 0 ? error.Message : $"{error.Path}: {error.Message}")}";

    private static Verdict Of<T>(Validated<T> validated, Func<T, ImmutableArray<string>> warnings)
        where T : class =>
        validated.TryGet(out var value, out var errors) ? new([], warnings(value)) : new(errors, []);
}
