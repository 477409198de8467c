using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.DevCluster.Schemas.Cel;

namespace Kaito.Tests.DevCluster.Schemas.Cel;

public sealed class CelCheckTests
{
    private const string Inference =
        """{"resource":{"instanceType":"x","labelSelector":{"matchLabels":{"a":"b"}}},"inference":{"preset":{"name":"phi-4"}}}""";

    private const string Tuning =
        """{"tuning":{"preset":{"name":"phi-4"},"method":"lora","input":{"name":"set","urls":["u"]},"output":{"image":"i"}}}""";

    [Theory]
    [InlineData(Inference, "resource.instanceType", "\"y\"", "resource: instanceType cannot be changed once set")]
    [InlineData(Inference, "resource.instanceType", "null", "")]
    [InlineData(Inference, "resource.count", "2", "")]
    [InlineData(Inference, "resource.partition", """{"mode":"mig"}""", "resource: partition: field is immutable")]
    [InlineData(Inference, "resource.labelSelector.matchLabels.a", "\"c\"", "resource.labelSelector: field is immutable")]
    [InlineData(Inference, "inference.preset.name", "\"phi-3\"", "inference: preset: field is immutable")]
    [InlineData(Inference, "inference.preset", "null", "inference: preset: field is immutable")]
    [InlineData(Inference, "inference.template", "{}", "inference: template cannot be set or unset after creation")]
    [InlineData(Inference, "inference", "null", "<nil>: Inference field cannot be toggled once set")]
    [InlineData(Inference, "tuning", "{}", "<nil>: Tuning field cannot be toggled once set")]
    [InlineData(Inference, "inference.config", "\"mine\"", "")]
    [InlineData(Tuning, "tuning.method", "\"LoRA\"", "")]
    [InlineData(Tuning, "tuning.method", "\"qlora\"", "tuning.method: method cannot be changed")]
    [InlineData(Tuning, "tuning.preset.name", "\"phi-3\"", "tuning.preset: preset cannot be changed")]
    [InlineData(Tuning, "tuning.input.name", "\"other\"", "tuning.input: name cannot be changed once set")]
    [InlineData(Tuning, "tuning.input.urls", """["v"]""", "")]
    public void Check_ChangeOfAWorkspace_FollowsUpstreamsUpdateRules(string stored, string path, string value, string broken)
    {
        var old = JsonNode.Parse(stored)!.AsObject();
        var edited = JsonNode.Parse(stored)!.AsObject();
        var steps = path.Split('.');
        var owner = steps[..^1].Aggregate((JsonNode)edited, static (node, step) => node[step]!).AsObject();
        _ = JsonNode.Parse(value) is { } set ? owner[steps[^1]] = set : (JsonNode?)owner.Remove(steps[^1]);

        var causes = CelCheck.Check(Schema("workspaces"), edited, old);

        Assert.Equal(broken, string.Join('\n', causes.Select(static cause => Shown(cause.Field, cause.Message))));
    }

    [Fact]
    public void Check_Creation_AsksNoTransitionRule() =>
        Assert.Empty(CelCheck.Check(Schema("workspaces"), JsonNode.Parse(Inference)!.AsObject(), null));

    [Fact]
    public void Check_ComputeAddedToRagEngine_IsRefused()
    {
        var causes = CelCheck.Check(
            Schema("ragengines"),
            JsonNode.Parse("""{"spec":{"compute":{"instanceType":"x"}}}""")!.AsObject(),
            JsonNode.Parse("""{"spec":{}}""")!.AsObject());

        Assert.Equal("spec: compute cannot be added or removed after creation", Assert.Single(causes.Select(static c => Shown(c.Field, c.Message))));
    }

    private static string Shown(string field, string message) => $"{field}: {message[(message.IndexOf(": ", "Invalid value: ".Length, StringComparison.Ordinal) + 2)..]}";

    private static JsonObject Schema(string plural) => JsonNode.Parse(Crds.All.Single(crd => crd.Name == $"{plural}.kaito.sh").Json)!
        ["spec"]!["versions"]![1]!["schema"]!["openAPIV3Schema"]!.AsObject();
}
