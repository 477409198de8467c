using Kaito.Core;
using Kaito.Core.Catalog;

namespace Kaito.Tests.Core.Catalog;

public sealed class ModelCatalogTests
{
    [Fact]
    public void Default_Counts_AreThoseOfTheTable()
    {
        Assert.Equal(60, ModelCatalog.Default.Models.Count(static m => !m.Legacy));
        Assert.Equal(25, ModelCatalog.Default.Aliases.Count(static a => !Find(a.Key).Legacy && a.Key != "phi-3"));
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

    [Theory]
    [InlineData("falcon", "tiiuae/falcon-7b-instruct", "FalconForCausalLM")]
    [InlineData("falcon-7b", "tiiuae/falcon-7b", "FalconForCausalLM")]
    [InlineData("falcon-7b-instruct", "tiiuae/falcon-7b-instruct", "FalconForCausalLM")]
    [InlineData("falcon-40b", "tiiuae/falcon-40b", "FalconForCausalLM")]
    [InlineData("falcon-40b-instruct", "tiiuae/falcon-40b-instruct", "FalconForCausalLM")]
    [InlineData("phi-2", "microsoft/phi-2", "PhiForCausalLM")]
    [InlineData("phi-3", "microsoft/Phi-3-mini-4k-instruct", "Phi3ForCausalLM")]
    [InlineData("stablelm", "stabilityai/stablelm-2-1_6b-chat", "StableLmForCausalLM")]
    [InlineData("llama-2-7b-chat", "meta-llama/Llama-2-7b-chat-hf", "LlamaForCausalLM")]
    [InlineData("llama-3-8b-instruct", "meta-llama/Meta-Llama-3-8B-Instruct", "LlamaForCausalLM")]
    [InlineData("llama-3-70b", "meta-llama/Meta-Llama-3-70B", "LlamaForCausalLM")]
    public void TryFind_NameOfKaito04_FindsTheModel(string name, string repository, string architecture)
    {
        var model = Find(name);

        Assert.Equal((repository, architecture), (model.Repository, model.Architecture));
        Assert.NotNull(model.TransformersArguments);
    }

    // Section 4.4 of the specification, whole.
    [Theory]
    [InlineData("phi-4,phi-3-mini-4k-instruct,phi-3-mini-128k-instruct,phi-3-medium-4k-instruct,phi-3-medium-128k-instruct,"
        + "phi-3.5-mini-instruct", "pipeline=text-generation torch_dtype=auto trust_remote_code=")]
    [InlineData("mistral-7b,mistral-7b-instruct", "allow_remote_files= "
        + "chat_template=/workspace/chat_templates/mistral-instruct.jinja pipeline=text-generation torch_dtype=bfloat16")]
    [InlineData("gemma-3-4b-instruct,gemma-3-27b-instruct,gpt-oss-20b,gpt-oss-120b",
        "allow_remote_files= pipeline=text-generation torch_dtype=auto")]
    [InlineData("qwen2.5-coder-7b-instruct,qwen2.5-coder-32b-instruct,deepseek-r1-distill-llama-8b,"
        + "deepseek-r1-distill-qwen-14b", "pipeline=text-generation torch_dtype=bfloat16")]
    [InlineData("llama-3.1-8b-instruct,llama-3.3-70b-instruct", "allow_remote_files= "
        + "chat_template=/workspace/chat_templates/llama-3-instruct.jinja pipeline=text-generation torch_dtype=bfloat16")]
    [InlineData("deepseek-r1-0528,deepseek-v3-0324", "allow_remote_files= pipeline=text-generation torch_dtype=bfloat16")]
    [InlineData("phi-4-mini-instruct,ministral-3-3b-instruct,mistral-large-3-675b-instruct,Qwen/Qwen3-8B-AWQ", null)]
    public void TransformersArguments_OfPreset_AreThoseOfTheTable(string names, string? arguments) => Assert.All(
        names.Split(','), name => Assert.Equal(
            arguments,
            Find(name).TransformersArguments is { } given ? string.Join(' ', given.Select(static a => $"{a.Key}={a.Value}")) : null));

    [Fact]
    public void TuningWeights_OfThePresetsThatUpstreamTunes_AreNamed() => Assert.Equal(
        [
            "kaito-mistral-7b:0.2.0", "kaito-phi-3-medium-128k-instruct:0.2.0", "kaito-phi-3-medium-4k-instruct:0.2.0",
            "kaito-phi-3-mini-128k-instruct:0.2.0", "kaito-phi-3-mini-4k-instruct:0.2.0", "kaito-phi-3.5-mini-instruct:0.2.0",
            "kaito-phi-4-mini-instruct:0.2.0", "kaito-phi-4:0.2.0", "kaito-qwen2.5-coder-32b-instruct:0.2.0",
            "kaito-qwen2.5-coder-7b-instruct:0.2.0",
        ],
        ModelCatalog.Default.Models.Select(static m => m.TuningWeights).OfType<string>().Order(StringComparer.Ordinal));

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

    private static ModelPreset Find(string name)
    {
        Assert.True(ModelCatalog.Default.TryFind(name, out var model), name);
        return model;
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
