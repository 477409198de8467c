using System.Text.Json;
using Kaito.ModelBuilder;

[assembly: AssemblyFixture(typeof(Kaito.Tests.InferenceHost.Embeddings.BertFixture))]

namespace Kaito.Tests.InferenceHost.Embeddings;

/// <summary>
/// A tiny BERT checkpoint saved by transformers, converted once per test run, with the vectors that transformers
/// computes. It has no tokenizer of its own and gets one of the same vocabulary.
/// </summary>
public sealed class BertFixture : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("kaito-bert-");
    private readonly JsonElement _golden;
    private readonly Lazy<string> _folder;

    public BertFixture()
    {
        using var golden = JsonDocument.Parse(File.ReadAllBytes(Source("golden.json")));
        _golden = golden.RootElement.Clone();
        _folder = new(() => Convert(Checkpoint("checkpoint"), Path.Combine(_root.FullName, "model")));
    }

    /// <summary>The converted folder: mean pooling, normalized.</summary>
    public string Folder => _folder.Value;

    public int[][] Inputs =>
        [.. Rows("ids").Select(row => row.EnumerateArray().Select(id => id.GetInt32()).ToArray())];

    public float[][] Mean => Floats("mean_pooled_normalized");

    public float[][] Cls => Floats("cls_normalized");

    /// <summary>A copy of the converted folder with files of Sentence Transformers.</summary>
    public string With(string name, params (string File, string Text)[] files)
    {
        var target = Path.Combine(_root.FullName, name);
        foreach (var file in Directory.GetFiles(Folder, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(target, Path.GetRelativePath(Folder, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        foreach (var (file, text) in files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(target, file))!);
            File.WriteAllText(Path.Combine(target, file), text);
        }

        return target;
    }

    /// <summary>The unconverted checkpoint with a tokenizer.</summary>
    public string Checkpoint(string name)
    {
        var folder = Path.Combine(_root.FullName, name);
        Directory.CreateDirectory(folder);
        File.Copy(Source("config.json"), Path.Combine(folder, "config.json"));
        File.Copy(Source("model.safetensors"), Path.Combine(folder, "model.safetensors"));
        File.Copy(
            Repository.Path("Kaito.Tests", "Tokenization", "Golden", "bert-uncased", "tokenizer.json"),
            Path.Combine(folder, "tokenizer.json"));
        return folder;
    }

    public static string Convert(string checkpoint, string folder)
    {
        using var errors = new StringWriter();
        var code = BuilderApp.Run(
            ["convert", "--input", checkpoint, "--output", folder], TextWriter.Null, errors);
        Assert.Equal((0, ""), (code, errors.ToString()));
        return folder;
    }

    public void Dispose() => _root.Delete(recursive: true);

    private static string Source(string file) =>
        Repository.Path("Kaito.Tests", "InferenceHost", "Embeddings", "Golden", "bert", file);

    private JsonElement.ArrayEnumerator Rows(string name) => _golden.GetProperty(name).EnumerateArray();

    private float[][] Floats(string name) =>
        [.. Rows(name).Select(row => row.EnumerateArray().Select(value => value.GetSingle()).ToArray())];
}
