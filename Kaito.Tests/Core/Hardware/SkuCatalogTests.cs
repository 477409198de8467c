using Kaito.Core.Hardware;

namespace Kaito.Tests.Core.Hardware;

public sealed class SkuCatalogTests
{
    [Theory]
    [InlineData("azure", 14)]
    [InlineData("aws", 35)]
    [InlineData("arc", 8)]
    public void Skus_WithoutLegacyOnes_AreThoseOfTheTable(string cloud, int count)
    {
        Assert.True(SkuCatalog.TryForCloud(cloud, out var skus));
        Assert.Equal(count, skus.Skus.Count(static sku => !sku.Legacy));
    }

    [Theory]
    [InlineData("Standard_NC24ads_A100_v4", 1, 80, true, "8.0")]
    [InlineData("standard_nd96ISR_H200_v5", 8, 1128, true, "9.0")]
    [InlineData("Standard_NC6s_v3", 1, 16, false, "7.0")]
    [InlineData("Standard_NG32ads_V620_v1", 1, 32, false, null)]
    public void TryFind_AnyCase_GivesTheRow(string name, int gpus, int gi, bool nvme, string? capability)
    {
        Assert.True(SkuCatalog.Azure.TryFind(name, out var sku));
        Assert.Equal(
            (gpus, gi, nvme, capability),
            (sku.Gpus, (int)sku.GpuMemory.Gi, sku.Nvme, sku.ComputeCapability?.ToString()));
    }

    [Fact]
    public void TryForCloud_Unknown_IsFalse()
    {
        Assert.False(SkuCatalog.TryForCloud("gcp", out _));
        Assert.All(SkuCatalog.Clouds, static cloud => Assert.True(SkuCatalog.TryForCloud(cloud, out _)));
    }

    [Fact]
    public void Nearest_Misspelt_NamesTheSku() =>
        Assert.Equal("Standard_NC24ads_A100_v4", SkuCatalog.Azure.Nearest("Standard_NC24ads_A100v4")[0]);
}
