using System.Text.Json;
using Kaito.Core;
using Kaito.Core.Api;
using Kaito.Core.Catalog;
using Kaito.Core.Hardware;
using Kaito.Core.Workspaces;
using Kaito.Tests.Core.Hardware;

namespace Kaito.Tests.Core.Workspaces;

/// <summary>Workspaces where nodes are not asked for but found.</summary>
public sealed class ExistingNodesTests
{
    private const string A100 =
        "apps=phi,nvidia.com/gpu.product=NVIDIA-A100,nvidia.com/gpu.count=4,nvidia.com/gpu.memory=81920";

    [Fact]
    public void Parse_NodesTell_TheirGpusAreThePods()
    {
        var workspace = Accept(Resource(""), A100);

        Assert.Equal((4, "320Gi", "nvidia.com/gpu"), (
            workspace.Sku.Gpus, workspace.Sku.GpuMemory.ToString(), workspace.GpuResource));
        Assert.Equal(("", true, 1), (workspace.InstanceType, workspace.GpusKnown, workspace.Nodes));
    }

    [Fact]
    public void Parse_LargeModel_NodesAreComputedFromTheLabels()
    {
        var small = A100.Replace("count=4", "count=1", StringComparison.Ordinal);

        Assert.Equal(3, Accept(Resource("", "llama-3.3-70b-instruct"), small, small).Nodes);
    }

    [Theory]
    [InlineData("onnx", 1, "resource.labelSelector model-too-large")]
    [InlineData("onnx", 2, "resource.labelSelector model-too-large")]
    [InlineData("vllm", 1, "3")]
    [InlineData("vllm", 2, "3")]
    public void Parse_NodesOfSmallGpus_HoldTheModelTogetherOrNot(string runtime, int nodes, string expected)
    {
        const string T4 = "apps=phi,nvidia.com/gpu.product=Tesla-T4,nvidia.com/gpu.count=1,nvidia.com/gpu.memory=16384";
        var resource = Resource("", "phi-4");
        resource = resource with { Inference = resource.Inference! with { Runtime = runtime } };

        var parsed = Parse(resource, Source([.. Enumerable.Repeat(T4, nodes)]));

        Assert.Equal(
            expected,
            parsed.TryGet(out var workspace, out var errors) ? $"{workspace.Nodes}" : $"{errors[0].Path} {errors[0].Code}");
    }

    [Fact]
    public void Parse_SliceTooSmallButBypassed_IsAccepted()
    {
        var resource = Resource(""","partition":{"mode":"mig","profile":"1g.5gb"}""");

        var workspace = Accept(resource with
        {
            Metadata = resource.Metadata with
            {
                Annotations = System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty
                    .Add(Annotations.BypassResourceChecks, ""),
            },
        });

        Assert.Equal("nvidia.com/mig-1g.5gb", workspace.GpuResource);
        Assert.NotEmpty(workspace.Warnings);
    }

    [Fact]
    public void Parse_NoNodeMatches_IsAcceptedAndNotKnown()
    {
        var workspace = Accept(Resource(""), A100.Replace("apps=phi", "apps=other", StringComparison.Ordinal));

        Assert.False(workspace.GpusKnown);
    }

    [Fact]
    public void Parse_PreferredNode_CountsWithoutTheLabels() => Assert.True(
        Accept(
            Resource(""","preferredNodes":["n0"]"""), A100.Replace("apps=phi", "apps=other", StringComparison.Ordinal))
        .GpusKnown);

    [Fact]
    public void Parse_Slice_IsAskedForByItsProfile()
    {
        var workspace = Accept(Resource(""","partition":{"mode":"mig","profile":"3g.40gb"}"""));

        Assert.Equal(("nvidia.com/mig-3g.40gb", 1, "40Gi", true), (
            workspace.GpuResource, workspace.Sku.Gpus, workspace.Sku.GpuMemory.ToString(), workspace.GpusKnown));
    }

    [Fact]
    public void Parse_SomeGpus_TakeTheirShareOfTheMemory()
    {
        var workspace = Accept(Resource(""","partition":{"mode":"accelerator","count":3}"""), A100);

        Assert.Equal(("nvidia.com/gpu", 3, "240Gi"), (
            workspace.GpuResource, workspace.Sku.Gpus, workspace.Sku.GpuMemory.ToString()));
    }

    [Theory]
    [InlineData(""","instanceType":"Standard_NC24ads_A100_v4" """, "resource.instanceType not-with-existing-nodes")]
    [InlineData(""","fallbackInstanceTypes":["x"]""", "resource.fallbackInstanceTypes not-with-existing-nodes")]
    [InlineData(""","preferredNodes":["No Node"]""", "resource.preferredNodes[0] invalid-name")]
    [InlineData(""","partition":{"mode":"mps"}""", "resource.partition.mode unknown-value")]
    [InlineData(""","partition":{"mode":"mig"}""", "resource.partition.profile required")]
    [InlineData(""","partition":{"mode":"mig","profile":"2g.11gb"}""", "resource.partition.profile unknown-profile")]
    [InlineData(""","partition":{"mode":"mig","profile":"3g.40gb","count":2}""", "resource.partition.count not-with-mig")]
    [InlineData(""","partition":{"mode":"mig","profile":"1g.5gb"}""", "resource.partition mig-slice-too-small")]
    [InlineData(""","partition":{"mode":"accelerator"}""", "resource.partition.count required")]
    [InlineData(""","partition":{"mode":"accelerator","count":5}""", "resource.partition.count out-of-range")]
    [InlineData(
        ""","partition":{"mode":"accelerator","count":1,"profile":"x"}""",
        "resource.partition.profile not-with-accelerator")]
    public void Parse_Wrong_NamesTheField(string resource, string expected) =>
        Assert.Equal(expected, Refuse(Resource(resource), A100));

    [Fact]
    public void Parse_NodesDiffer_IsAnErrorOfTheSelector() => Assert.Equal(
        "resource.labelSelector gpus-not-known",
        Refuse(Resource(""), A100, A100.Replace("count=4", "count=8", StringComparison.Ordinal)));

    [Theory]
    [InlineData("mig", "\"profile\":\"1g.10gb\"")]
    [InlineData("accelerator", "\"count\":1")]
    public void Parse_GateOff_IsAnError(string mode, string rest)
    {
        var source = new NodeSource.Existing { Nodes = [NodeGpusTests.Node("n0", A100)] };

        var parsed = Parse(Resource($$""","partition":{"mode":"{{mode}}",{{rest}}}"""), source);

        Assert.False(parsed.TryGet(out _, out var errors));
        Assert.Equal("resource.partition gate-off", $"{errors[0].Path} {errors[0].Code}");
    }

    [Fact]
    public void Parse_NobodyLookedAtTheNodes_OnlyTheRestIsChecked()
    {
        Assert.True(Parse(Resource(""), new NodeSource.Existing()).TryGet(out var workspace, out _));
        Assert.False(workspace.GpusKnown);
    }

    [Theory]
    [InlineData("Standard_NC40ads_H100_v5", null)]
    [InlineData("standard_nc40ads_h100_v5", null)]
    [InlineData("Standard_NC48ads_A100_v4", "resource.fallbackInstanceTypes[0] other-gpu-count")]
    [InlineData("Standard_NC99", "resource.fallbackInstanceTypes[0] unknown-instance-type")]
    [InlineData("Standard_NV36ads_A10_v5", "resource.fallbackInstanceTypes[0] model-too-large")]
    public void Parse_FallbackOfProvisionedNodes_MustHoldTheModelOnAsManyNodes(string type, string? expected)
    {
        var parsed = Parse(
            Resource($$""","instanceType":"Standard_NC24ads_A100_v4","fallbackInstanceTypes":["{{type}}"]""", "phi-4"),
            SkuCatalog.Azure);

        Assert.Equal(
            expected,
            parsed.TryGet(out var workspace, out var errors) ? null : $"{errors[0].Path} {errors[0].Code}");
        Assert.Equal(expected is null ? ["Standard_NC40ads_H100_v5"] : null, workspace?.FallbackInstanceTypes.ToArray());
    }

    private static Workspace Accept(WorkspaceResource resource, params string[] nodes)
    {
        Assert.True(Parse(resource, Source(nodes)).TryGet(out var workspace, out var errors), string.Join('\n', errors));
        return workspace;
    }

    private static string Refuse(WorkspaceResource resource, params string[] nodes)
    {
        Assert.False(Parse(resource, Source(nodes)).TryGet(out _, out var errors));
        return string.Join(", ", errors.Select(static e => $"{e.Path} {e.Code}"));
    }

    private static Validated<Workspace> Parse(WorkspaceResource resource, NodeSource source) =>
        WorkspaceParser.Parse(resource, new(ModelCatalog.Default, source));

    private static NodeSource.Existing Source(string[] nodes) => new()
    {
        Nodes = [.. nodes.Select(static (labels, i) => NodeGpusTests.Node($"n{i}", labels))],
        MigAllowed = true,
        AcceleratorAllowed = true,
    };

    private static WorkspaceResource Resource(string resource, string preset = "phi-3.5-mini-instruct") =>
        JsonSerializer.Deserialize(
            $$$"""
            {"metadata":{"name":"ws"},"resource":{"labelSelector":{"matchLabels":{"apps":"phi"}}{{{resource}}} },
             "inference":{"preset":{"name":"{{{preset}}}"} } }
            """,
            WorkspaceJson.Default.WorkspaceResource)!;
}
