using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Kaito.Benchmarks.Inference;

/// <summary>Writes an adapter for the tiny model, as PEFT would, of random weights.</summary>
internal static class SoakAdapter
{
    private const int Layers = 4;
    private const int Width = 128;
    private const int Rank = 4;

    public static void Write(string folder, int seed)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(
            Path.Combine(folder, "adapter_config.json"),
            $$"""{"peft_type":"LORA","r":{{Rank}},"lora_alpha":8,"bias":"none","target_modules":["q_proj"]}""");
        var (header, at) = (new StringBuilder("{"), 0);
        for (var layer = 0; layer < Layers; layer++)
        {
            foreach (var (part, shape) in new[] { ("A", $"{Rank},{Width}"), ("B", $"{Width},{Rank}") })
            {
                var end = at + (Rank * Width * sizeof(float));
                header.Append(
                    CultureInfo.InvariantCulture,
                    $$"""{{(at > 0 ? "," : "")}}"base_model.model.model.layers.{{layer}}.self_attn.q_proj.lora_{{part}}.weight":""")
                    .Append(
                        CultureInfo.InvariantCulture,
                        $$"""{"dtype":"F32","shape":[{{shape}}],"data_offsets":[{{at}},{{end}}]}""");
                at = end;
            }
        }

        var random = new Random(seed);
        var values = Enumerable.Range(0, at / sizeof(float)).Select(_ => (random.NextSingle() - 0.5f) / 4).ToArray();
        var bytes = Encoding.UTF8.GetBytes(header.Append('}').ToString());
        using var file = File.Create(Path.Combine(folder, "adapter_model.safetensors"));
        file.Write(BitConverter.GetBytes((long)bytes.Length));
        file.Write(bytes);
        file.Write(MemoryMarshal.AsBytes(values.AsSpan()));
    }
}
