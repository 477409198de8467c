using System.Text.Json.Nodes;
using Kaito.ModelBuilder;
using Kaito.ModelBuilder.Adapters;
using Kaito.Tests.InferenceHost.Engine;

namespace Kaito.Tests.ModelBuilder.Adapters;

public sealed class PeftAdapterTests : IDisposable
{
    private readonly DirectoryInfo _scratch = Directory.CreateTempSubdirectory("kaito-peft-");

    public void Dispose() => _scratch.Delete(recursive: true);

    [Fact]
    public void Read_Adapter_TransposesPadsAndScales()
    {
        var plain = PeftAdapter.Read(GoldenAdapters.Folder("adapter-a"), Targets(), 64);
        var rooted = PeftAdapter.Read(GoldenAdapters.Folder("adapter-b"), Targets(), 8);

        Assert.Equal((4, 8), (plain.Rank, rooted.Rank));
        Assert.Equal(4, plain.Layers.Count);
        Assert.Equal(14, rooted.Layers.Count);
        Assert.Equal(64 * 4, plain.Layers["model.layers.0.self_attn.q_proj"].Down.Length);
        Assert.Equal(4 * 32, plain.Layers["model.layers.0.self_attn.v_proj"].Up.Length);
        Assert.NotEqual(plain.Id, PeftAdapter.Read(GoldenAdapters.Folder("adapter-a"), Targets(), 64).Id);
    }

    [Theory]
    [InlineData("use_dora", "true", "use_dora is true")]
    [InlineData("bias", "\"all\"", "bias is 'all'")]
    [InlineData("peft_type", "\"IA3\"", "peft_type is 'IA3'")]
    [InlineData("modules_to_save", "[\"lm_head\"]", "modules_to_save is")]
    [InlineData("r", "0", "r is 0")]
    [InlineData("r", "5", "has shape [4, 64], but the model and adapter_config.json imply [5, 64]")]
    [InlineData("r", "\"four\"", "no adapter configuration")]
    [InlineData("rank_pattern", "{\"q_proj\": 3}", "imply [3, 64]")]
    [InlineData("rank_pattern", "{\"(\": 3}", "regular expression")]
    public void Read_ConfigurationThatDoesNotFit_NamesIt(string field, string value, string expected)
    {
        var folder = Copy("adapter-a");
        var path = Path.Combine(folder, PeftConfig.FileName);
        var config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        config[field] = JsonNode.Parse(value);
        File.WriteAllText(path, config.ToJsonString());

        Assert.Contains(expected, Refusal(folder), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_AlphaPattern_ScalesTheLayersItNames()
    {
        var folder = Copy("adapter-a");
        var path = Path.Combine(folder, PeftConfig.FileName);
        var config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        config["alpha_pattern"] = new JsonObject { ["layers.1.self_attn.v_proj"] = 16 };
        File.WriteAllText(path, config.ToJsonString());
        const string Named = "model.layers.1.self_attn.v_proj";
        const string Other = "model.layers.0.self_attn.v_proj";

        var plain = PeftAdapter.Read(GoldenAdapters.Folder("adapter-a"), Targets(), 64);
        var scaled = PeftAdapter.Read(folder, Targets(), 64);

        Assert.Equal(plain.Layers[Named].Up.Select(static value => value * 2), scaled.Layers[Named].Up);
        Assert.Equal(plain.Layers[Other].Up, scaled.Layers[Other].Up);
    }

    [Fact]
    public void Read_AdapterOfAnotherModel_SaysSo()
    {
        var narrow = Targets().Select(static t => t with { Width = t.Width / 2 }).ToArray();
        var other = Targets().Where(static t => !t.Name.EndsWith("v_proj", StringComparison.Ordinal)).ToArray();

        Assert.Contains("imply [4, 32]. Use an adapter that was trained on this model", Refusal(
            GoldenAdapters.Folder("adapter-a"), narrow), StringComparison.Ordinal);
        Assert.Contains("v_proj', which the model does not have", Refusal(
            GoldenAdapters.Folder("adapter-a"), other), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_RankAboveTheLimit_NamesTheOption()
    {
        var refused = Assert.Throws<ModelBuildException>(
            () => PeftAdapter.Read(GoldenAdapters.Folder("adapter-b"), Targets(), 7));

        Assert.Contains("LoRA rank 8 is greater than max_lora_rank 7", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_MissingOrBrokenFiles_NamesThem()
    {
        var broken = Copy("adapter-a");
        File.WriteAllText(Path.Combine(broken, PeftAdapter.WeightsFile), "no tensors");
        var half = Copy("adapter-b");
        File.Delete(Path.Combine(half, PeftAdapter.WeightsFile));

        Assert.Contains(PeftConfig.FileName, Refusal(Path.Combine(broken, "nowhere")), StringComparison.Ordinal);
        Assert.Contains("not a valid safetensors file", Refusal(broken), StringComparison.Ordinal);
        Assert.Contains($"{PeftAdapter.WeightsFile}' can not be read", Refusal(half), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_LayerThatTheModelHasInParts_IsDivided()
    {
        // The model keeps the fused layer's outputs in three: 20 + 6 + 6.
        var parts = new AdapterTarget[]
        {
            new("model.layers.0.self_attn.q_proj", 64, 64), new("model.layers.1.self_attn.q_proj", 64, 64),
            new("model.layers.0.self_attn.qx.q_proj", 64, 20), new("model.layers.0.self_attn.qx.k_proj", 64, 6),
            new("model.layers.0.self_attn.qx.v_proj", 64, 6), new("model.layers.1.self_attn.v_proj", 64, 32),
        };
        var folder = Copy("adapter-a");
        var path = Path.Combine(folder, PeftAdapter.WeightsFile);
        var bytes = File.ReadAllBytes(path);
        Rename(bytes, "layers.0.self_attn.v_proj", "layers.0.self_attn.qx.qkv_proj");
        void Rename(byte[] file, string from, string to)
        {
            var length = (int)BitConverter.ToInt64(file);
            var header = System.Text.Encoding.UTF8.GetString(file, 8, length).TrimEnd()
                .Replace(from, to, StringComparison.Ordinal);
            var encoded = System.Text.Encoding.UTF8.GetBytes(header);
            File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)encoded.Length), .. encoded, .. file[(8 + length)..]]);
        }

        var whole = PeftAdapter.Read(GoldenAdapters.Folder("adapter-a"), Targets(), 64);
        var divided = PeftAdapter.Read(folder, parts, 64);

        var up = whole.Layers["model.layers.0.self_attn.v_proj"].Up;
        var key = divided.Layers["model.layers.0.self_attn.qx.k_proj"];
        Assert.Equal(whole.Layers["model.layers.0.self_attn.v_proj"].Down, key.Down);
        Assert.Equal(Enumerable.Range(0, 4).SelectMany(rank => up.Skip((rank * 32) + 20).Take(6)), key.Up);
    }

    private static AdapterTarget[] Targets() =>
    [
        .. Enumerable.Range(0, 2).SelectMany(static layer => new AdapterTarget[]
        {
            new($"model.layers.{layer}.self_attn.q_proj", 64, 64),
            new($"model.layers.{layer}.self_attn.k_proj", 64, 32),
            new($"model.layers.{layer}.self_attn.v_proj", 64, 32),
            new($"model.layers.{layer}.self_attn.o_proj", 64, 64),
            new($"model.layers.{layer}.mlp.gate_proj", 64, 112),
            new($"model.layers.{layer}.mlp.up_proj", 64, 112),
            new($"model.layers.{layer}.mlp.down_proj", 112, 64),
        }),
    ];

    private static string Refusal(string folder, AdapterTarget[]? targets = null) =>
        Assert.Throws<ModelBuildException>(() => PeftAdapter.Read(folder, targets ?? Targets(), 64)).Message;

    private string Copy(string adapter)
    {
        var target = Directory.CreateDirectory(Path.Combine(_scratch.FullName, Path.GetRandomFileName())).FullName;
        foreach (var file in Directory.EnumerateFiles(GoldenAdapters.Folder(adapter)))
        {
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        }

        return target;
    }
}
