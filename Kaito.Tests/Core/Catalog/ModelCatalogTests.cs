using Kaito.Core;
using Kaito.Core.Catalog;

namespace Kaito.Tests.Core.Catalog;

public sealed class ModelCatalogTests
{
    [Fact]
    public void Default_Counts_AreThoseOfTheTable()
    {
        Assert.Equal(60, ModelCatalog.Default.Models.Length);
        Assert.Equal(25, ModelCatalog.Default.Aliases.Count);
        Assert.All(
            ModelCatalog.Default.Aliases.Keys, static alias => Assert.True(ModelCatalog.Default.TryFind(alias, out _)));
    }

    [Theory]
    [InlineData("phi-3.5-mini-instruct", "microsoft/Phi-3.5-mini-instruct")]
    [InlineData("PHI-3.5-Mini-Instruct", "microsoft/Phi-3.5-mini-instruct")]
    [InlineData("microsoft/phi-3.5-MINI-instruct", "microsoft/Phi-3.5-mini-instruct")]
    [InlineData("gemma-3-27b-instruct", "google/gemma-3-27b-it")]
    [InlineData("ibm-granite/granite-4.1-8b", "ibm-granite/granite-4.1-8b")]
    public void TryFind_AliasOrRepositoryInAnyCase_FindsTheModel(string name, string repository)
    {
        Assert.True(ModelCatalog.Default.TryFind(name, out var model));
        Assert.Equal(repository, model.Repository);
    }

    [Fact]
    public void Default_EveryModel_HasTheCacheThatItsShapeImplies()
    {
        Assert.All(ModelCatalog.Default.Models, static model =>
        {
            var elements = model.KvLoraRank is { } rank
                ? rank + model.RopeHeadDim!.Value
                : 2 * model.KeyValueHeads * (model.HeadDim ?? (model.HiddenSize / model.AttentionHeads));
            Assert.Equal(elements * model.Layers * 2L, model.BytesPerToken.Bytes);
        });
    }

    [Fact]
    public void Default_EveryModel_HasTheDiskThatItsWeightsImply()
    {
        Assert.All(
            ModelCatalog.Default.Models,
            static model => Assert.Equal((long)(model.Weights.Gi + 80), (long)model.Disk.Gi));
    }

    [Fact]
    public void Nearest_Misspelt_NamesTheAlias() =>
        Assert.Equal("phi-3.5-mini-instruct", ModelCatalog.Default.Nearest("phi-3.5-mini-instuct")[0]);

    [Fact]
    public void Nearest_Nonsense_NamesNothing() => Assert.Empty(ModelCatalog.Default.Nearest("zzzzzzzz"));

    [Fact]
    public void With_NewModel_IsFoundAndOldOnesStay()
    {
        var mine = ModelCatalog.Default.Models[0] with { Repository = "me/Mine" };

        var catalog = ModelCatalog.Default.With(mine);

        Assert.True(catalog.TryFind("ME/mine", out var found));
        Assert.Same(mine, found);
        Assert.True(catalog.TryFind("phi-4", out _));
        Assert.Throws<ArgumentException>(() => catalog.With(mine));
    }

    [Theory]
    [InlineData("27.31Gi", 29_323_889_214L)]
    [InlineData("80Gi", 85_899_345_920L)]
    public void ParseGi_Quantity_GivesBytesRoundedUp(string text, long bytes)
    {
        Assert.Equal(bytes, ByteSize.ParseGi(text).Bytes);
        Assert.Equal(text, ByteSize.ParseGi(text).ToString());
    }

    [Theory]
    [InlineData("80")]
    [InlineData("80Mi")]
    [InlineData("-1Gi")]
    public void ParseGi_OtherText_Throws(string text) => Assert.Throws<FormatException>(() => ByteSize.ParseGi(text));
}
