using Kaito.Core;
using Kaito.Core.Catalog;
using Kaito.Core.Hardware;
using Kaito.Core.Sizing;

namespace Kaito.Tests.Core.Sizing;

public sealed class GpuSizingTests
{
    public static TheoryData<string, string> GoldenRows()
    {
        var lines = File.ReadAllLines(Repository.Path("Kaito.Tests", "Core", "Sizing", "node-counts.tsv"));
        var rows = new TheoryData<string, string>();
        foreach (var line in lines.Skip(1))
        {
            rows.Add(line.Split('\t')[0], line);
        }

        return rows;
    }

    [Fact]
    public void GoldenRows_CoverTheCatalogue()
    {
        var names = GoldenRows().Select(static row => row.Data.Item1).ToArray();

        Assert.Equal(ModelCatalog.Default.Models.Where(static m => !m.Legacy).Select(static m => m.Repository), names);
    }

    [Theory]
    [MemberData(nameof(GoldenRows))]
    public void Size_EverySkuOfTheRow_GivesTheGoldenNodeCount(string repository, string line)
    {
        Assert.True(ModelCatalog.Default.TryFind(repository, out var model));
        var skus = File.ReadLines(Repository.Path("Kaito.Tests", "Core", "Sizing", "node-counts.tsv"))
            .First().Split('\t')[1..];

        var counts = skus.Select(name =>
        {
            Assert.True(SkuCatalog.Azure.TryFind(name, out var sku));
            Assert.True(GpuSizing.Size(model, sku.Shape, null, SizingPolicy.Default).TryGet(out var size, out _));
            return size.Nodes.ToString(System.Globalization.CultureInfo.InvariantCulture);
        });

        Assert.Equal(line.Split('\t')[1..], counts);
    }

    [Theory]
    [InlineData("8Gi", 8192, "Standard_NC96ads_A100_v4", 1)]
    [InlineData("8Gi", 8192, "Standard_NV36ads_A10_v5", 1)]
    [InlineData("13.44Gi", 8192, "Standard_NV36ads_A10_v5", 1)] // falcon-7b
    [InlineData("13.44Gi", 8192, "Standard_NC24ads_A100_v4", 1)]
    [InlineData("62.5Gi", 163840, "Standard_NC24ads_A100_v4", 2)] // qwen2.5-coder-32b
    [InlineData("64Gi", 8192, "Standard_NV36ads_A10_v5", 4)]
    public void Size_RowOfUpstreamsTests_GivesItsNodeCount(string weights, int bytesPerToken, string type, int nodes)
    {
        Assert.True(SkuCatalog.Azure.TryFind(type, out var sku));

        Assert.True(
            GpuSizing.Size(Model(weights, bytesPerToken), sku.Shape, null, SizingPolicy.Default).TryGet(out var size, out _));

        Assert.Equal(nodes, size.Nodes);
    }

    [Theory]
    [InlineData("1g.10gb", null, false)]
    [InlineData("2g.24gb", null, true)]
    [InlineData("3g.40gb", null, true)]
    [InlineData("3g.47gb", null, true)]
    [InlineData("2g.24gb", 131072, false)] // the cache takes the rest
    public void Size_ModelOfEightGiOnASlice_FitsOrNot(string profile, int? context, bool fits)
    {
        var shape = new GpuShape(1, MigProfile.Find(profile)!.Memory, IsMigSlice: true);

        Assert.Equal(fits, GpuSizing.Size(Model("8Gi", 131072), shape, context, SizingPolicy.Default).TryGet(out _, out _));
    }

    private static ModelPreset Model(string weights, int bytesPerToken)
    {
        Assert.True(ModelCatalog.Default.TryFind("phi-4", out var model));
        return model with { Weights = ByteSize.ParseGi(weights), BytesPerToken = new(bytesPerToken) };
    }

    [Fact]
    public void Size_ContextThatFillsTheGpu_SaysGpuTooSmall()
    {
        Assert.True(ModelCatalog.Default.TryFind("phi-3-mini-128k-instruct", out var model));
        Assert.True(SkuCatalog.Azure.TryFind("Standard_NC6s_v3", out var sku));

        Assert.False(GpuSizing.Size(model, sku.Shape, 131072, SizingPolicy.Default).TryGet(out _, out var errors));

        var error = Assert.Single(errors);
        Assert.Equal("gpu-too-small", error.Code);
        Assert.Contains("16Gi per GPU", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Size_ModelLargerThanMigSlice_SaysSliceTooSmall()
    {
        Assert.True(ModelCatalog.Default.TryFind("phi-4", out var model));

        var size = GpuSizing.Size(model, new(1, ByteSize.FromGi(20), IsMigSlice: true), null, SizingPolicy.Default);

        Assert.False(size.TryGet(out _, out var errors));
        Assert.Equal("mig-slice-too-small", Assert.Single(errors).Code);
    }
}
