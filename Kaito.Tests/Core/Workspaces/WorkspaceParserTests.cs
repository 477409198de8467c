using System.Collections.Immutable;
using System.Text.Json;
using Kaito.Core;
using Kaito.Core.Api;
using Kaito.Core.Catalog;
using Kaito.Core.Hardware;
using Kaito.Core.Workspaces;

namespace Kaito.Tests.Core.Workspaces;

public sealed class WorkspaceParserTests
{
    private const string Valid =
        """
        {"apiVersion":"kaito.sh/v1beta1","kind":"Workspace","metadata":{"name":"ws","namespace":"ns","uid":"u","generation":3},
         "resource":{"instanceType":"standard_nc24ads_a100_v4","labelSelector":{"matchLabels":{"apps":"phi"}}},
         "inference":{"preset":{"name":"Phi-3.5-Mini-Instruct"}}}
        """;

    [Fact]
    public void Parse_PresetWithDefaults_FillsEverythingIn()
    {
        var workspace = Accept(Valid);

        Assert.Equal(("ws", "ns", "u", 3L), (workspace.Name, workspace.Namespace, workspace.Uid, workspace.Generation));
        Assert.Equal("Standard_NC24ads_A100_v4", workspace.InstanceType);
        Assert.Equal("phi", workspace.NodeLabels["apps"]);
        Assert.Equal((1, "87Gi"), (workspace.Nodes, workspace.Disk.ToString()));
        var preset = Assert.IsType<InferenceWorkload.Preset>(workspace.Inference);
        Assert.Equal("phi-3.5-mini-instruct", preset.Name);
        Assert.Equal(InferenceRuntime.Onnx, preset.Runtime);
        Assert.Equal("microsoft/Phi-3.5-mini-instruct", preset.Model.Repository);
        Assert.Empty(workspace.Warnings);
    }

    [Fact]
    public void Parse_EverythingWrong_ReportsAllErrorsAtOnce()
    {
        var errors = Refuse(
            """
            {"apiVersion":"kaito.sh/v2","kind":"Workspace",
             "metadata":{"name":"My_Workspace","annotations":{"kaito.sh/node-image-family":"bsd","kaito.sh/performance-mode":"",
               "kaito.sh/use-local-weights":"yes"}},
             "resource":{"count":0,"instanceType":"Standard_NC24ads_A100","preferredNodes":["n"],"partition":{"mode":"mig"},
               "labelSelector":{"matchExpressions":[{"key":"a","operator":"Exists"}]}},
             "inference":{"preset":{"name":"gpt-2"},"runtime":"tgi","config":"No Name"}}
            """);

        Assert.Equal(
            [
                "apiVersion unknown-api-version",
                "metadata.name invalid-name",
                "metadata.annotations[\"kaito.sh/node-image-family\"] unknown-value",
                "metadata.annotations[\"kaito.sh/performance-mode\"] unknown-value",
                "metadata.annotations[\"kaito.sh/use-local-weights\"] unknown-value",
                "resource.count out-of-range",
                "resource.partition partition-needs-existing-nodes",
                "resource.labelSelector.matchExpressions[0] unsupported-expression",
                "resource.instanceType unknown-instance-type",
                "inference.runtime unknown-runtime",
                "inference.config invalid-name",
                "inference.preset.name unknown-preset",
            ],
            errors.Select(static e => $"{e.Path} {e.Code}"));
    }

    [Theory]
    [InlineData("phi-3.5-mini-instuct", "unknown-preset", "Did you mean phi-3.5-mini-instruct")]
    [InlineData("nobody/nothing", "unknown-preset", "Presets are ")]
    public void Parse_PresetNotServed_NamesValueAndRemedy(string name, string code, string remedy)
    {
        var error = Assert.Single(Refuse(Valid.Replace("Phi-3.5-Mini-Instruct", name, StringComparison.Ordinal)));

        Assert.Equal(("inference.preset.name", code), (error.Path, error.Code));
        Assert.Contains($"\"{name}\"", error.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_UnknownInstanceType_NamesNearestAndAll()
    {
        var error = Assert.Single(
            Refuse(Valid.Replace("standard_nc24ads_a100_v4", "Standard_NC24ads_A10_v4", StringComparison.Ordinal)));

        Assert.Equal("unknown-instance-type", error.Code);
        Assert.Contains("Did you mean Standard_NC24ads_A100_v4", error.Message, StringComparison.Ordinal);
        Assert.Contains("Standard_ND96isr_H200_v5", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", "neither-inference-nor-tuning")]
    [InlineData("""{"inference":{}}""", "required")]
    [InlineData("""{"inference":{"preset":{"name":"phi-4"},"template":{}}}""", "preset-and-template")]
    [InlineData("""{"inference":{"preset":{}}}""", "required")]
    [InlineData("""{"inference":{"template":{"spec":{"containers":[]}}}}""", "invalid-template")]
    public void Parse_WhatToRunIsWrong_SaysSo(string members, string code)
    {
        var body = """{"metadata":{"name":"ws"},"resource":{"instanceType":"Standard_NC24ads_A100_v4","labelSelector":{}}"""
            + (members.Length > 2 ? "," + members[1..] : "}");

        Assert.Equal(code, Assert.Single(Refuse(body)).Code);
    }

    [Fact]
    public void Parse_InferenceAndTuning_SaysSoAndEverythingElse() => Assert.Equal(
        ["inference-and-tuning", "required", "required", "required", "required"],
        Refuse(Valid.Replace("\"inference\"", "\"tuning\":{},\"inference\"", StringComparison.Ordinal))
            .Select(static e => e.Code));

    [Fact]
    public void Parse_Tuning_IsAJobOnOneNode()
    {
        var workspace = Accept(
            """
            {"metadata":{"name":"ws"},"resource":{"instanceType":"Standard_NC24ads_A100_v4","labelSelector":{}},
             "tuning":{"preset":{"name":"phi-3.5-mini-instruct"},"method":"qlora","input":{"urls":["https://example.com/d"]},
              "output":{"volumeSource":{"emptyDir":{}}}}}
            """);

        Assert.Null(workspace.Inference);
        Assert.Equal(TuningMethod.Qlora, workspace.Tuning!.Method);
        Assert.Equal((1, "1024Gi"), (workspace.Nodes, workspace.Disk.ToString()));
    }

    [Fact]
    public void Parse_NoResource_AsksForIt() => Assert.Equal(
        ("resource", "required"),
        Refuse("""{"metadata":{"name":"ws"},"inference":{"preset":{"name":"phi-4"}}}""").Select(
            static e => (e.Path, e.Code)).Single());

    [Fact]
    public void Parse_NameThatAStatefulSetCannotCarry_IsTooLong()
    {
        Assert.Equal(new string('a', 52), Accept(
            Valid.Replace("\"ws\"", $"\"{new string('a', 52)}\"", StringComparison.Ordinal)).Name);
        Assert.Equal(
            "name-too-long",
            Assert.Single(
                Refuse(Valid.Replace("\"ws\"", $"\"{new string('a', 53)}\"", StringComparison.Ordinal))).Code);
    }

    [Fact]
    public void Parse_AlphaWithoutInstanceType_TakesItsDefault()
    {
        var alpha = Valid.Replace("v1beta1", "v1alpha1", StringComparison.Ordinal)
            .Replace("\"instanceType\":\"standard_nc24ads_a100_v4\",", "", StringComparison.Ordinal);

        Assert.Equal("Standard_NC24ads_A100_v4", Accept(alpha).InstanceType);
        Assert.Equal(
            ("resource.instanceType", "required"),
            Refuse(alpha.Replace("v1alpha1", "v1beta1", StringComparison.Ordinal)).Select(
                static e => (e.Path, e.Code)).Single());
    }

    [Theory]
    [InlineData("""{"matchLabels":{"kaito.sh/workspace":"x"}}""", "only-reserved-labels")]
    [InlineData("""{"matchExpressions":[{"key":"a","operator":"In","values":["1","2"]}]}""", "unsupported-expression")]
    [InlineData(
        """{"matchLabels":{"a":"1"},"matchExpressions":[{"key":"a","operator":"In","values":["2"]}]}""",
        "contradiction")]
    public void Parse_SelectorThatSelectsNothingSensible_IsAnError(string selector, string code) => Assert.Equal(
        code,
        Assert.Single(
            Refuse(Valid.Replace("""{"matchLabels":{"apps":"phi"}}""", selector, StringComparison.Ordinal))).Code);

    [Fact]
    public void Parse_SelectorWithInAndReservedKey_KeepsWhatCounts()
    {
        var workspace = Accept(Valid.Replace(
            """{"matchLabels":{"apps":"phi"}}""",
            """{"matchLabels":{"kaito.sh/workspace":"x"},"matchExpressions":[{"key":"a","operator":"In","values":["1"]}]}""",
            StringComparison.Ordinal));

        Assert.Equal(["a=1"], workspace.NodeLabels.Select(static l => $"{l.Key}={l.Value}"));
        Assert.Contains("kaito.sh/workspace", Assert.Single(workspace.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_FieldsWithoutEffect_AreWarnings()
    {
        var workspace = Accept(
            """
            {"metadata":{"name":"ws","annotations":{"kaito.sh/runtime":"transformers","kaito.sh/enablelb":"True",
               "kaito.sh/node-image-family":" Ubuntu "}},
             "resource":{"instanceType":"Standard_NC24ads_A100_v4","labelSelector":{},"preferredNodes":["n"]},
             "inference":{"preset":{"name":"llama-3.1-8b-instruct","accessMode":"private","presetOptions":{"image":"x"}}}}
            """);

        Assert.Equal(
            [
                "inference.preset.accessMode", "inference.preset.presetOptions.image",
                "inference.preset.presetOptions.modelAccessSecret",
            ],
            workspace.Warnings.Select(static w => w[..w.IndexOf(": ", StringComparison.Ordinal)]));
        Assert.True(workspace.LoadBalancer);
        Assert.Equal(("ubuntu", "default"), (workspace.NodeImageFamily, workspace.Namespace));
    }

    [Fact]
    public void Parse_InferenceSetChild_ServesTheSetsName()
    {
        var workspace = Accept(Valid.Replace(
            "\"uid\":\"u\"", "\"labels\":{\"inferenceset.kaito.sh/created-by\":\"fleet\",\"team\":\"x\"}",
            StringComparison.Ordinal));

        Assert.Equal("fleet", Assert.IsType<InferenceWorkload.Preset>(workspace.Inference).Name);
        Assert.Equal(["inferenceset.kaito.sh/created-by"], workspace.InheritedLabels.Keys);
    }

    [Fact]
    public void Parse_Template_KeepsThePodAndTheCount()
    {
        var workspace = Accept(
            """
            {"metadata":{"name":"ws"},"resource":{"count":2,"instanceType":"Standard_D8s_v5","labelSelector":{}},
             "inference":{"template":{"spec":{"containers":[{"name":"c","image":"i"}]}}}}
            """);

        Assert.Equal((2, "1024Gi"), (workspace.Nodes, workspace.Disk.ToString()));
        Assert.Equal(0, workspace.Sku.Gpus);
        Assert.Equal(
            """{"spec":{"containers":[{"name":"c","image":"i"}]}}""",
            Assert.IsType<InferenceWorkload.Template>(workspace.Inference).Pod);
        Assert.Contains("Standard_D8s_v5", Assert.Single(workspace.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_ContextLongerThanTheModel_IsAnError()
    {
        var parsed = WorkspaceParser.Parse(Read(Valid), new(ModelCatalog.Default, SkuCatalog.Azure), contextTokens: 131073);

        Assert.False(parsed.TryGet(out _, out var errors));
        Assert.Contains("context-too-long", errors.Select(static e => e.Code));
    }

    internal static Workspace Accept(string json)
    {
        var parsed = WorkspaceParser.Parse(Read(json), new(ModelCatalog.Default, SkuCatalog.Azure));
        Assert.True(parsed.TryGet(out var workspace, out var errors), string.Join('\n', errors));
        return workspace;
    }

    internal static ImmutableArray<FieldError> Refuse(string json)
    {
        var parsed = WorkspaceParser.Parse(Read(json), new(ModelCatalog.Default, SkuCatalog.Azure));
        Assert.False(parsed.TryGet(out _, out var errors));
        return errors;
    }

    private static WorkspaceResource Read(string json) =>
        JsonSerializer.Deserialize(json, WorkspaceJson.Default.WorkspaceResource)!;
}
