using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.ModelBuilder.Tiny;

namespace Kaito.Tests.ModelBuilder;

/// <summary>
/// A tiny checkpoint saved by transformers, with the logits and greedy tokens that transformers computes.
/// </summary>
internal sealed class GoldenCheckpoint
{
    private readonly string _folder;
    private readonly JsonElement _golden;

    public GoldenCheckpoint(string name)
    {
        _folder = Repository.Path("Kaito.Tests", "ModelBuilder", "Golden", name);
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "golden.json")));
        _golden = document.RootElement.Clone();
    }

    public int[][] Inputs => [.. _golden.GetProperty("inputs").EnumerateArray().Select(Integers)];

    /// <summary>Per input, the positions whose logits are kept.</summary>
    public int[][] Positions => [.. _golden.GetProperty("positions").EnumerateArray().Select(Integers)];

    /// <summary>[input][position][vocabulary].</summary>
    public float[][][] Logits =>
    [
        .. _golden.GetProperty("logits").EnumerateArray().Select(rows => rows.EnumerateArray().Select(row =>
            row.EnumerateArray().Select(value => value.GetSingle()).ToArray()).ToArray()),
    ];

    /// <summary>The 16 tokens that follow the first input.</summary>
    public int[] Greedy => Integers(_golden.GetProperty("greedy"));

    /// <summary>Copies the checkpoint into a folder of the test, with a tokenizer (it has none of its own).</summary>
    public void CopyTo(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var name in new[] { "config.json", "model.safetensors" })
        {
            File.Copy(Path.Combine(_folder, name), Path.Combine(folder, name));
        }

        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), TinyTokenizer.Train().Render());
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), TinyTokenizer.RenderConfig(256));
    }

    /// <summary>Changes config.json of a copy.</summary>
    public static void Edit(string folder, Action<JsonObject> change)
    {
        var path = Path.Combine(folder, "config.json");
        var config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change(config);
        File.WriteAllText(path, config.ToJsonString());
    }

    private static int[] Integers(JsonElement list) => [.. list.EnumerateArray().Select(item => item.GetInt32())];
}
