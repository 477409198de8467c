using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.Core;
using Kaito.Core.Catalog;

namespace Kaito.Tests.Core.Catalog;

public sealed class RepositoryFactsTests
{
    public static TheoryData<string> Entries() =>
        [.. ModelCatalog.Default.Models.Where(static m => !m.Legacy).Select(static m => m.Repository)];

    [Theory]
    [MemberData(nameof(Entries))]
    public void Read_ConfigOfACatalogueEntry_GivesTheEntry(string repository)
    {
        Assert.True(ModelCatalog.Default.TryFind(repository, out var entry));
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray(entry.Architecture),
            ["max_position_embeddings"] = entry.ContextTokens,
            ["hidden_size"] = entry.HiddenSize,
            ["num_hidden_layers"] = entry.Layers,
            ["num_attention_heads"] = entry.AttentionHeads,
            ["num_key_value_heads"] = entry.KeyValueHeads,
        };
        Set(config, "head_dim", entry.HeadDim);
        Set(config, "kv_lora_rank", entry.KvLoraRank);
        Set(config, "qk_rope_head_dim", entry.RopeHeadDim);
        if (entry.Quantization is { } method)
        {
            config["quantization_config"] = new JsonObject { ["quant_method"] = method };
            Set((JsonObject)config["quantization_config"]!, "bits", entry.QuantizationBits);
        }

        var file = entry.LoadFormat == "mistral" ? "consolidated-00001-of-00002.safetensors" : "model.safetensors";

        var model = Read(repository, config.ToJsonString(), new RepositoryFile(file, entry.Weights.Bytes));

        Assert.Equal(Show(entry), Show(model));
    }

    [Fact]
    public void VllmArchitectures_AreUpstreams()
    {
        var upstream = File.ReadAllLines(Repository.Path("Kaito.Tests", "Core", "Catalog", "Golden", "vllm-architectures.txt"));

        Assert.Equal(356, upstream.Length);
        Assert.Equal(
            upstream.Order(StringComparer.Ordinal), ModelFamilies.Default.VllmArchitectures.Order(StringComparer.Ordinal));
        Assert.All(
            ModelCatalog.Default.Models, static m => Assert.Contains(m.Architecture, ModelFamilies.Default.VllmArchitectures));
    }

    [Theory]
    [InlineData("max_position_embeddings", "4096", 4096)]
    [InlineData("n_ctx", "4096.0", 4096)]
    [InlineData("seq_length", "\"8192\"", 8192)]
    [InlineData("max_seq_len", "1", 1)]
    [InlineData("max_sequence_length", "2", 2)]
    [InlineData("model_max_length", "3", 3)]
    [InlineData("context", "3", 2048)]
    [InlineData("max_position_embeddings", "null", 2048)]
    public void Read_TokenLimit_IsTheFirstKeyThatIsANumber(string key, string value, int expected) =>
        Assert.Equal(expected, Read($$"""{"{{key}}": {{value}}, "hidden_size": 8}""").ContextTokens);

    [Theory]
    [InlineData("""{"n_embd":64,"n_layer":2,"n_head":4}""", "MHA", 512)]
    [InlineData("""{"d_model":64,"n_layers":2,"n_heads":4,"n_kv_heads":2}""", "GQA", 256)]
    [InlineData("""{"dim":64,"num_hidden_layers":2,"n_head":4,"n_head_kv":1}""", "MQA", 128)]
    [InlineData("""{"hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,"multi_query":true}""", "MQA", 128)]
    [InlineData("""{"hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,"attention_head_dim":32}""", "MHA", 1024)]
    [InlineData(
        """{"hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,"kv_lora_rank":24,"qk_rope_head_dim":8}""", "MLA",
        128)]
    [InlineData("""{"hidden_size":64,"num_hidden_layers":2}""", "MHA", 0)]
    public void Read_Attention_GivesKindAndBytesPerToken(string config, string kind, long bytes)
    {
        var model = Read(config);

        Assert.Equal((kind, bytes), (model.Attention, model.BytesPerToken.Bytes));
    }

    [Fact]
    public void Read_NestedConfig_IsPromotedWhereTheTopIsSilent()
    {
        var model = Read(
            """
            {"architectures":["Gemma3ForConditionalGeneration"],"hidden_size":10,"note":"Infinity and NaN \" Infinity",
             "text_config":{"hidden_size":99,"num_hidden_layers":3,"num_attention_heads":2,"rope":Infinity,"x":[-Infinity,NaN]},
             "llm_config":{"num_hidden_layers":7}}
            """);

        Assert.Equal((10, 3, 2), (model.HiddenSize, model.Layers, model.AttentionHeads));
        Assert.Equal(7, Read("""{"llm_config":{"num_hidden_layers":7}}""").Layers);
    }

    [Theory]
    [InlineData("model-1.safetensors:1073741824 model-2.safetensors:536870912 x.bin:99", "1.5Gi", "auto")]
    [InlineData("model.safetensors:1073741824 sub/model.safetensors:1073741824", "2Gi", "auto")]
    [InlineData("pytorch_model.bin:2147483648 readme.md:5", "2Gi", "auto")]
    [InlineData("consolidated.safetensors:1073741824 model.safetensors:5368709120", "1Gi", "mistral")]
    [InlineData("consolidated.00001.safetensors:5379446", "0.01Gi", "mistral")]
    public void Read_Files_AreChosenAndSummedInGiB(string files, string size, string format)
    {
        var model = Read("me/model", """{"hidden_size":8}""", [.. files.Split(' ').Select(static f => new RepositoryFile(
            f.Split(':')[0], long.Parse(f.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture)))]);

        Assert.Equal((size, format), (model.Weights.ToString(), model.LoadFormat));
        Assert.Equal((format, format), (model.ConfigFormat, model.TokenizerMode));
    }

    [Theory]
    [InlineData("nvidia/nemotron-orchestrator-8b", "Qwen3ForCausalLM", "hermes", "qwen3", null, "auto")]
    [InlineData("deepseek-ai/DeepSeek-V3.1", "DeepseekV3ForCausalLM", "deepseek_v31", "deepseek_v3", "deepseekv3", "deepseek_v32")]
    [InlineData("Qwen/Qwen3-Coder-30B-A3B-Instruct", "Qwen3MoeForCausalLM", "qwen3_xml", "qwen3", null, "auto")]
    [InlineData("tiiuae/falcon-7b", "FalconForCausalLM", null, null, null, "auto")]
    [InlineData("mistralai/Mistral-7B-v0.3", "MistralForCausalLM", "mistral", null, null, "auto")]
    [InlineData("zai-org/GLM-4.7-Flash", "Glm4MoeForCausalLM", "glm47", "glm45", null, "auto")]
    public void Read_NameAndArchitecture_ChooseTheParsers(
        string repository, string architecture, string? tools, string? reasoning, string? template, string tokenizer)
    {
        var model = Read(repository, $$"""{"architectures":["{{architecture}}"]}""", new RepositoryFile("a.safetensors", 1));

        Assert.Equal(
            (tools, reasoning, template, tokenizer),
            (model.ToolParser, model.ReasoningParser, model.ChatTemplate, model.TokenizerMode));
    }

    [Theory]
    [InlineData("mistralai/Mistral-Large-3-675B", "MistralLarge3ForCausalLM")]
    [InlineData("mistralai/Ministral-3-9B", "Mistral3ForConditionalGeneration")]
    [InlineData("someone/else", "")]
    public void Read_NoArchitecture_IsAssumedByName(string repository, string architecture) => Assert.Equal(
        architecture, Read(repository, "{}", new RepositoryFile("a.safetensors", 1)).Architecture);

    [Theory]
    [InlineData("a.safetensors", """{"architectures":["NobodysForCausalLM","Other"]}""", "unsupported-architecture", "NobodysForCausalLM, Other")]
    [InlineData("readme.md", "{}", "no-weights", "has no .safetensors or .bin files")]
    [InlineData("a.safetensors", "[1]", "malformed-config", "not an object")]
    [InlineData("a.safetensors", "{\"a\":", "malformed-config", "config.json of me/model")]
    public void Read_CannotBeServed_SaysWhy(string file, string config, string code, string message)
    {
        Assert.False(RepositoryFacts.Read("me/model", [new(file, 5)], config).TryGet(out _, out var errors));

        var error = Assert.Single(errors);
        Assert.Equal(code, error.Code);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    // Specification 3.7: 15 minutes and 18 seconds per GiB, from 30 minutes to three hours.
    [Theory]
    [InlineData(0, 180)]
    [InlineData(50, 180)]
    [InlineData(100, 270)]
    [InlineData(150, 360)]
    [InlineData(550, 1080)]
    [InlineData(900, 1080)]
    public void StartupFailures_BySize_AreThoseOfTheSpecification(double gi, int failures) =>
        Assert.Equal(failures, RepositoryFacts.StartupFailures(ByteSize.FromGi(gi)));

    private static ModelPreset Read(string config) => Read("me/model", config, new RepositoryFile("model.safetensors", 1L << 30));

    private static ModelPreset Read(string repository, string config, params ImmutableArray<RepositoryFile> files)
    {
        Assert.True(RepositoryFacts.Read(repository, files, config).TryGet(out var model, out var errors), string.Join('\n', errors));
        return model;
    }

    private static void Set(JsonObject config, string key, int? value)
    {
        if (value is { } number)
        {
            config[key] = number;
        }
    }

    private static string Show(ModelPreset model) => string.Join('\n',
        model with
        {
            Revision = null,
            License = "",
            Gated = false,
            TransformersArguments = null,
            TuningWeights = null,
            VllmArguments = ImmutableSortedDictionary<string, string>.Empty,
        },
        string.Join(' ', model.VllmArguments));
}
