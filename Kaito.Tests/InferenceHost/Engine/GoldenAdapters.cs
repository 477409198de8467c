using System.Text.Json;
using Kaito.InferenceHost.Engine;
using Kaito.ModelBuilder.Adapters;
using Kaito.ModelBuilder.Checkpoints;
using Kaito.ModelBuilder.Decoder;
using Kaito.ModelBuilder.Tiny;

[assembly: AssemblyFixture(typeof(Kaito.Tests.InferenceHost.Engine.GoldenAdapters))]

namespace Kaito.Tests.InferenceHost.Engine;

/// <summary>
/// A tiny model with two adapters that PEFT saved, and the logits that transformers computes of each; converted once
/// per test run.
/// </summary>
public sealed class GoldenAdapters : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("kaito-lora-");
    private readonly Lazy<ModelFolder> _model;
    private readonly Lazy<JsonElement> _golden = new(() =>
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Of("golden.json")));
        return document.RootElement.Clone();
    });

    public GoldenAdapters() => _model = new(() =>
    {
        var checkpoint = Path.Combine(_root.FullName, "hf");
        Directory.CreateDirectory(checkpoint);
        foreach (var name in new[] { "config.json", "model.safetensors" })
        {
            File.Copy(Of("base", name), Path.Combine(checkpoint, name));
        }

        File.WriteAllText(Path.Combine(checkpoint, "tokenizer.json"), TinyTokenizer.Train().Render());
        File.WriteAllText(Path.Combine(checkpoint, "tokenizer_config.json"), TinyTokenizer.RenderConfig(256));
        var folder = Path.Combine(_root.FullName, "model");
        CheckpointConversion.Run(checkpoint, folder, WeightPrecision.Float32, adapters: true);
        return ModelFolder.Read(folder);
    });

    internal ModelFolder Model => _model.Value;

    public int[] Input => [.. _golden.Value.GetProperty("input").EnumerateArray().Select(static id => id.GetInt32())];

    /// <param name="name"><c>base</c>, <c>adapter-a</c> or <c>adapter-b</c>.</param>
    /// <returns>After each token of the input, [tokens][vocabulary].</returns>
    public float[][] Logits(string name) =>
    [
        .. _golden.Value.GetProperty("logits").GetProperty(name).EnumerateArray()
            .Select(static row => row.EnumerateArray().Select(static value => value.GetSingle()).ToArray()),
    ];

    /// <summary>A folder that PEFT wrote.</summary>
    public static string Folder(string adapter) => Of(adapter);

    internal static AdapterWeights Read(string adapter, IInferenceEngine engine) =>
        PeftAdapter.Read(Of(adapter), engine.Limits.Adapters, 64);

    internal static AdapterMix Mix(params AdapterShare[] shares) => new([.. shares]);

    public void Dispose() => _root.Delete(recursive: true);

    private static string Of(params string[] names) => Repository.Path(
        ["Kaito.Tests", "InferenceHost", "Engine", "Golden", "lora", .. names]);
}
