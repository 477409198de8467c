using Kaito.InferenceHost;
using Kaito.Tests.InferenceHost.Engine;

namespace Kaito.Tests.InferenceHost.Models;

/// <summary>However a model folder is broken, the start ends with one clear line and exit code 1.</summary>
public sealed class ModelFaultTests(TinyModelFixture tiny)
{
    private const string Gone = "";

    [Theory]
    [InlineData("genai_config.json", Gone, "file is missing; rebuild")]
    [InlineData("genai_config.json", "{\"model\":", "$.model is not JSON; correct line 1")]
    [InlineData("genai_config.json", "null", "$ is null; rebuild")]
    [InlineData("genai_config.json", "[]", "$ is []; correct line 1")]
    [InlineData("genai_config.json", "{}", "model is missing; rebuild")]
    [InlineData("tokenizer.json", Gone, "tokenizer.json does not exist. Download it")]
    [InlineData("tokenizer.json", "{", "tokenizer.json is not valid JSON")]
    [InlineData("tokenizer.json", "[]", "tokenizer.json is not a JSON object")]
    [InlineData("tokenizer.json", "{}", "tokenizer.json: field 'model'")]
    [InlineData("tokenizer.json", "{\"model\":{\"type\":\"BPE\",\"vocab\":[],\"merges\":[]}}", "field 'model.vocab'")]
    [InlineData("tokenizer_config.json", "{\"chat_template\":", "tokenizer_config.json is not valid JSON")]
    [InlineData("tokenizer_config.json", "{\"chat_template\":7}", "field 'chat_template'")]
    [InlineData("chat_template.jinja", "{% for m in messages %}", "")]
    [InlineData("generation_config.json", "{\"temperature\":\"hot\"}", "$.temperature is \"hot\"; correct line 1")]
    [InlineData("generation_config.json", "{\"top_p\":7}", "top_p is 7; write a number above 0 to 1")]
    [InlineData("generation_config.json", "{\"eos_token_id\":\"x\"}", "eos_token_id is \"x\"; write one token id")]
    [InlineData("model.onnx", Gone, "model.decoder.filename is model.onnx; put the file")]
    [InlineData("model.onnx", "not a graph", "model.onnx: graph is not loadable")]
    [InlineData("model.onnx.data", Gone, "model.onnx: graph is not loadable")]
    [InlineData("model.onnx.data", "short", "model.onnx: graph is not loadable")]
    public async Task RunAsync_BrokenFolder_IsOneLineThatNamesFileAndRemedy(string file, string content, string said)
    {
        using var scratch = new ScratchFolder();
        foreach (var source in Directory.EnumerateFiles(tiny.Folder.Path))
        {
            File.Copy(source, scratch.Path(Path.GetFileName(source)));
        }

        if (content == Gone)
        {
            File.Delete(scratch.Path(file));
        }
        else
        {
            await File.WriteAllTextAsync(scratch.Path(file), content, TestContext.Current.CancellationToken);
        }

        var line = await RefusedAsync(scratch.Root);

        Assert.StartsWith($"inference-host: {scratch.Root}", line, StringComparison.Ordinal);
        Assert.True(line.Contains(said, StringComparison.Ordinal), line);
    }

    [Fact]
    public async Task RunAsync_FolderIsMissingOrAFile_NamesIt()
    {
        using var scratch = new ScratchFolder();
        await File.WriteAllTextAsync(scratch.Path("file"), "", TestContext.Current.CancellationToken);

        Assert.Contains("folder is missing", await RefusedAsync(scratch.Path("nowhere")), StringComparison.Ordinal);
        Assert.Contains("folder is missing", await RefusedAsync(scratch.Path("file")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Process_BrokenFolder_ExitsWithOneAndItsLineIsOnStandardError()
    {
        using var scratch = new ScratchFolder();
        await File.WriteAllTextAsync(
            scratch.Path("genai_config.json"), "{}", TestContext.Current.CancellationToken);

        var (code, _, error) = await BuiltProject.RunAsync(
            "Kaito.InferenceHost",
            ["--model-path", scratch.Root, "--port", "0"],
            TestContext.Current.CancellationToken);

        Assert.Equal(1, code);
        Assert.Equal(
            $"inference-host: {scratch.Path("genai_config.json")}: model is missing; rebuild the folder with "
            + "Kaito.ModelBuilder or ONNX Runtime GenAI's model builder.\n",
            error);
    }

    private static async Task<string> RefusedAsync(string folder)
    {
        await using var errors = new StringWriter();
        Assert.Equal(1, await InferenceHostApp.RunAsync(["--model-path", folder, "--port", "0"], errors));
        return Assert.Single(errors.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
