using System.Text.Json;
using Kaito.Core;
using Kaito.Core.Admission;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Operator.Admission;

/// <summary>PURE: from the API server's question to the answer. Looks at nothing but the question.</summary>
internal sealed class AdmissionAnswers(AdmissionRules rules)
{
    private const int UnprocessableContent = 422;

    /// <summary>The answer about a Workspace.</summary>
    public AdmissionReview Workspace(AdmissionRequest request) =>
        Answer(request, KubeKinds.Workspaces, rules.Workspace);

    /// <summary>The answer about an InferenceSet.</summary>
    public AdmissionReview InferenceSet(AdmissionRequest request) =>
        Answer(request, KubeKinds.InferenceSets, rules.InferenceSet);

    /// <summary>The answer about a RAGEngine.</summary>
    public AdmissionReview RagEngine(AdmissionRequest request) =>
        Answer(request, KubeKinds.RagEngines, rules.RagEngine);

    private static AdmissionReview Answer<T>(AdmissionRequest request, KubeKind<T> kind, Func<T?, T, Verdict> judge)
        where T : class, IKubeObject
    {
        // Status and the like are written by controllers: a rule must never keep them from telling what is.
        if (request.Operation is not ("CREATE" or "UPDATE") || !string.IsNullOrEmpty(request.SubResource))
        {
            return Review<T>(request, Verdict.Nothing, null, kind);
        }

        var after = Read(request.Object, kind);
        if (after.Value is not { } wanted)
        {
            return Review<T>(request, new([after.Why!], []), null, kind);
        }

        var before = request.Operation == "UPDATE" ? Read(request.OldObject, kind) : new(null, null);
        return Review(request, Judge(before, after, wanted, judge), wanted, kind);
    }

    private static Verdict Judge<T>(ReadObject<T> before, ReadObject<T> after, T wanted, Func<T?, T, Verdict> judge)
        where T : class, IKubeObject => after.Why switch
        {
            // What could not be read before cannot be compared with.
            null => judge(before.Why is null ? before.Value : null, wanted),
            _ when wanted.Metadata.DeletionTimestamp is not null || before.Why == after.Why => Verdict.Nothing,
            { } why => new([why], []),
        };

    private static ReadObject<T> Read<T>(JsonElement? item, KubeKind<T> kind)
        where T : class, IKubeObject
    {
        FieldError? why = null;
        try
        {
            var value = item is { } json
                ? ObjectReader.Read(json, kind with { Unreadable = (reduced, found) => Remember(reduced, found) })
                : null;
            return new(value, value is null ? new("", "required", $"The request has no {kind.Kind}.") : why);
        }
        catch (JsonException wrong)
        {
            var path = (wrong.Path ?? "").TrimStart('$', '.');
            return new(null, new(path, "wrong-type", $"The {kind.Kind} cannot be read: it, or this part, has the wrong type."));
        }

        T Remember(T reduced, FieldError found)
        {
            why = found;
            return reduced;
        }
    }

    private static AdmissionReview Review<T>(AdmissionRequest request, Verdict verdict, T? about, KubeKind kind)
        where T : class, IKubeObject => new()
        {
            Response = new()
            {
                Uid = request.Uid ?? "",
                Allowed = verdict.Allowed,
                Warnings = verdict.Warnings.IsEmpty ? null : verdict.Warnings,
                Status = verdict.Allowed ? null : new()
                {
                    Code = UnprocessableContent,
                    Reason = "Invalid",
                    Message = "validation failed: " + string.Join("\n", verdict.Errors.Select(Line)),
                    Details = new()
                    {
                        Name = about?.Metadata.Name,
                        Group = WorkspaceResource.Group,
                        Kind = kind.Kind,
                        Causes = [.. verdict.Errors.Select(Cause)],
                    },
                },
            },
        };

    private static string Line(FieldError error) =>
        error.Path.Length == 0 ? error.Message : $"{error.Path}: {error.Message}";

    private static AdmissionCause Cause(FieldError error) => new()
    {
        Reason = error.Code == "required" ? "FieldValueRequired" : "FieldValueInvalid",
        Field = error.Path,
        Message = error.Message,
    };

    // Of an object that has not all the types of its record there are its metadata, and why.
    private sealed record ReadObject<T>(T? Value, FieldError? Why);
}
