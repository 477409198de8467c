using System.Text.Json;
using Kaito.Core.Catalog;
using Kaito.Core.Hardware;
using Kaito.Operator.Admission;

namespace Kaito.Tests.Operator.Admission;

public sealed class AdmissionAnswersTests
{
    private const string Good = """
        {"apiVersion":"kaito.sh/v1beta1","kind":"Workspace","metadata":{"name":"ws","namespace":"default"},
         "resource":{"instanceType":"Standard_NC24ads_A100_v4","labelSelector":{}},
         "inference":{"preset":{"name":"phi-3.5-mini-instruct","accessMode":"private"}}}
        """;

    private const string Bad = """
        {"metadata":{"name":"ws","finalizers":["f"]},"resource":{"instanceType":"x","labelSelector":{}},
         "inference":{"preset":{"name":"phi-99"}}}
        """;

    // A count that is no number, which an API server with the schema does not let through.
    private const string Odd = """
        {"metadata":{"name":"ws"},"resource":{"count":"two","instanceType":"Standard_NC24ads_A100_v4","labelSelector":{}}}
        """;

    private static readonly AdmissionAnswers s_answers = new(new(new(ModelCatalog.Default, SkuCatalog.Azure)));

    [Fact]
    public void Workspace_Good_IsAllowedWithItsWarnings()
    {
        var answer = Ask("CREATE", Good);

        Assert.Equal(("7", true), (answer.Uid, answer.Allowed));
        Assert.StartsWith("inference.preset.accessMode: ", Assert.Single(answer.Warnings!.Value), StringComparison.Ordinal);
        Assert.Null(answer.Status);
    }

    [Fact]
    public void Workspace_Bad_IsDeniedWithEveryErrorAsTextAndCause()
    {
        var answer = Ask("CREATE", Bad);

        Assert.False(answer.Allowed);
        Assert.Equal((422, "Invalid", "Workspace", "ws"), (
            answer.Status!.Code, answer.Status.Reason, answer.Status.Details!.Kind, answer.Status.Details.Name));
        Assert.Equal(
            ["resource.instanceType", "inference.preset.name"], answer.Status.Details.Causes.Select(static c => c.Field));
        Assert.StartsWith("validation failed: resource.instanceType: \"x\" is not", answer.Status.Message, StringComparison.Ordinal);
        Assert.Contains("\ninference.preset.name: \"phi-99\"", answer.Status.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("an update that leaves what is wrong", "UPDATE", null, Bad, Bad)]
    [InlineData("a finalizer that goes", "UPDATE", null, """{"metadata":{"name":"ws","deletionTimestamp":"2026-01-01T00:00:00Z"}}""", Bad)]
    [InlineData("a status", "UPDATE", "status", Bad, Good)]
    [InlineData("a delete", "DELETE", null, null, Bad)]
    [InlineData("a connect", "CONNECT", null, null, null)]
    [InlineData("an operation of the future", "MOVE", null, Bad, null)]
    [InlineData("an object whose odd types stay", "UPDATE", null, Odd, Odd)]
    [InlineData(
        "an odd object on its way out", "UPDATE", null,
        """{"metadata":{"name":"ws","deletionTimestamp":"2026-01-01T00:00:00Z"},"resource":5}""", Good)]
    public void Workspace_NotForAdmissionToStop_IsAllowed(
        string what, string operation, string? part, string? after, string? before) =>
        Assert.True(Ask(operation, after, before, part).Allowed, what);

    [Theory]
    [InlineData("CREATE", null, null, " The request has no Workspace.")]
    [InlineData("CREATE", "5", null, " The Workspace cannot be read")]
    [InlineData("CREATE", "null", null, " The ")]
    [InlineData("CREATE", "[]", null, " The Workspace cannot be read")]
    [InlineData("CREATE", "{}", null, "metadata.name ")]
    [InlineData("CREATE", """{"metadata":5}""", null, "metadata The Workspace cannot be read")]
    [InlineData("CREATE", """{"metadata":null}""", null, "metadata The Workspace cannot be read")]
    [InlineData("CREATE", Odd, null, "resource.count \"two\" has the wrong type")]
    [InlineData("UPDATE", Odd, Good, "resource.count \"two\" has the wrong type")]
    [InlineData("UPDATE", Bad, Odd, "resource.instanceType ")]
    [InlineData("UPDATE", Bad, null, "resource.instanceType ")]
    [InlineData("UPDATE", Bad, "7", "resource.instanceType ")]
    public void Workspace_HostileRequest_IsDeniedWithAReason(string operation, string? after, string? before, string expected)
    {
        var answer = Ask(operation, after, before);

        Assert.False(answer.Allowed);
        var cause = answer.Status!.Details!.Causes[0];
        Assert.StartsWith(expected, $"{cause.Field} {cause.Message}", StringComparison.Ordinal);
    }

    [Fact]
    public void Kinds_HaveTheirOwnRules()
    {
        var set = s_answers.InferenceSet(Request("CREATE", """{"metadata":{"name":"s"},"spec":{"replicas":"x"}}""", null, null));
        var rag = s_answers.RagEngine(Request("CREATE", """{"metadata":{"name":"r"},"spec":{}}""", null, null));

        Assert.Equal("spec.replicas", Assert.Single(set.Response!.Status!.Details!.Causes).Field);
        Assert.Equal("spec.embedding", Assert.Single(rag.Response!.Status!.Details!.Causes).Field);
    }

    private static AdmissionResponse Ask(string operation, string? after, string? before = null, string? part = null) =>
        s_answers.Workspace(Request(operation, after, before, part)).Response!;

    private static AdmissionRequest Request(string operation, string? after, string? before, string? part) => new()
    {
        Uid = "7",
        Operation = operation,
        SubResource = part,
        Object = after is null ? null : JsonElement.Parse(after),
        OldObject = before is null ? null : JsonElement.Parse(before),
    };
}
