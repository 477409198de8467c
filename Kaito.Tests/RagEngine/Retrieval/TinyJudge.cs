using System.Buffers.Binary;
using System.Text.Json.Nodes;
using Kaito.Tests.InferenceHost.Embeddings;

namespace Kaito.Tests.RagEngine.Retrieval;

/// <summary>The tiny BERT with a head of random numbers that judges pairs of texts, converted by the model builder.</summary>
internal sealed class TinyJudge
{
    private const int Hidden = 48;
    private const string Types = "embeddings.token_type_embeddings.weight";

    private readonly float[] _pool;
    private readonly float[] _poolShift;
    private readonly float[] _classes;
    private readonly float[] _classShift;

    /// <param name="bert">Its encoder.</param>
    /// <param name="name">Of its folders.</param>
    /// <param name="labels">Classes.</param>
    /// <param name="oneType">Both texts of a pair count as the same type.</param>
    public TinyJudge(BertFixture bert, string name, int labels, bool oneType)
    {
        var random = new Random(3);
        (_pool, _poolShift) = (Draw(random, Hidden * Hidden), Draw(random, Hidden));
        (_classes, _classShift) = (Draw(random, labels * Hidden), Draw(random, labels));
        var checkpoint = bert.Checkpoint(name);
        WriteConfig(Path.Combine(checkpoint, "config.json"), labels);
        WriteWeights(Path.Combine(checkpoint, "model.safetensors"), labels, oneType);
        Folder = BertFixture.Convert(checkpoint, checkpoint + "-converted");
    }

    public string Folder { get; }

    /// <summary>What the head makes of the vector of the first token.</summary>
    public double[] Logits(float[] first)
    {
        var pooled = Linear(_pool, _poolShift, [.. first.Select(static n => (double)n)]).Select(Math.Tanh).ToArray();
        return Linear(_classes, _classShift, pooled);
    }

    private static double[] Linear(float[] weights, float[] shift, double[] input) =>
    [
        .. shift.Select((add, row) =>
            add + input.Select((value, column) => value * weights[(row * input.Length) + column]).Sum()),
    ];

    private static void WriteConfig(string file, int labels)
    {
        var config = JsonNode.Parse(File.ReadAllText(file))!;
        config["architectures"] = new JsonArray("BertForSequenceClassification");
        config["id2label"] = new JsonObject(Enumerable.Range(0, labels)
            .Select(static label => KeyValuePair.Create($"{label}", (JsonNode?)$"LABEL_{label}")));
        File.WriteAllText(file, config.ToJsonString());
    }

    // The format: eight bytes of length, a JSON object with places and shapes, the numbers.
    private void WriteWeights(string file, int labels, bool oneType)
    {
        var bytes = File.ReadAllBytes(file);
        var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        var header = JsonNode.Parse(bytes.AsSpan(8, length))!.AsObject();
        var data = new MemoryStream();
        data.Write(bytes.AsSpan(8 + length));
        if (oneType)
        {
            var start = (int)header[Types]!["data_offsets"]![0]!;
            var first = data.ToArray().AsSpan(start, Hidden * sizeof(float)).ToArray();
            data.Position = start + first.Length;
            data.Write(first);
            data.Position = data.Length;
        }

        Add("bert.pooler.dense.weight", [Hidden, Hidden], _pool);
        Add("bert.pooler.dense.bias", [Hidden], _poolShift);
        Add("classifier.weight", [labels, Hidden], _classes);
        Add("classifier.bias", [labels], _classShift);
        var text = System.Text.Encoding.UTF8.GetBytes(header.ToJsonString());
        var size = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(size, text.Length);
        File.WriteAllBytes(file, [.. size, .. text, .. data.ToArray()]);

        void Add(string name, int[] shape, float[] numbers)
        {
            header[name] = new JsonObject
            {
                ["dtype"] = "F32",
                ["shape"] = new JsonArray([.. shape.Select(static n => (JsonNode)n)]),
                ["data_offsets"] = new JsonArray(data.Length, data.Length + (numbers.Length * sizeof(float))),
            };
            data.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(numbers.AsSpan()));
        }
    }

    private static float[] Draw(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() - 0.5f) / 2)];
}
