using Kaito.InferenceHost.Engine;

namespace Kaito.Tests.InferenceHost.Engine;

public sealed class ModelFolderTests : IDisposable
{
    private const string Valid = """
        {
          "model": {
            "type": "llama", "context_length": 2048, "vocab_size": 1024, "bos_token_id": 1, "eos_token_id": [2, 5],
            "decoder": {
              "session_options": { "provider_options": [] }, "filename": "model.onnx",
              "num_hidden_layers": 4, "num_key_value_heads": 2, "num_attention_heads": 8, "head_size": 32,
              "inputs": { "past_key_names": "past.%d.k" }
            }
          },
          "search": { "do_sample": true, "temperature": 0.6, "top_p": 0.9, "top_k": 40 }
        }
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kaito-model-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Read_CompleteFolder_HasEveryFieldAndUsualNames()
    {
        Write(Valid);

        var model = ModelFolder.Read(_folder.FullName);

        Assert.Equal((2048, 1024, "llama"), (model.ContextTokens, model.VocabularySize, model.Type));
        Assert.Equal([2, 5], model.EosTokens);
        Assert.Equal(1, model.BosToken);
        Assert.Equal((4, 2, 32), (model.Decoder.Layers, model.Decoder.KvHeads, model.Decoder.HeadSize));
        Assert.Equal("past.3.k", model.Decoder.Inputs.PastKey(3));
        Assert.Equal("past_key_values.0.value", model.Decoder.Inputs.PastValue(0));
        Assert.Equal("present.1.key", model.Decoder.Outputs.PresentKey(1));
        Assert.Equal(new(true, 0.6, 0.9, 40, null, null), model.Search);
    }

    [Theory]
    [InlineData("7", new[] { 7 })]
    [InlineData("[3, 4]", new[] { 3, 4 })]
    [InlineData("null", new int[0])]
    public void Read_EosForms_AreAllUnderstood(string eos, int[] expected)
    {
        Write(Valid.Replace("[2, 5]", eos, StringComparison.Ordinal));

        Assert.Equal(expected, ModelFolder.Read(_folder.FullName).EosTokens);
    }

    [Theory]
    [InlineData("\"context_length\": 2048,", "", "model.context_length", "missing")]
    [InlineData("\"context_length\": 2048", "\"context_length\": 0", "model.context_length", "0")]
    [InlineData("\"head_size\": 32", "\"head_size\": \"wide\"", "$.model.decoder.head_size", "\"wide\"")]
    [InlineData("[2, 5]", "[2, \"x\"]", "model.eos_token_id", "[2, \"x\"]")]
    [InlineData("model.onnx", "gone.onnx", "model.decoder.filename", "gone.onnx")]
    [InlineData("\"decoder\"", "\"encoder\"", "model.decoder", "missing")]
    [InlineData("past.%d.k\"", "past.%d.k\", \"input_ids\": null", "$.model.decoder.inputs.input_ids", "null")]
    [InlineData("\"type\": \"llama\",", "\"type\" \"llama\",", "$", "not JSON")]
    public void Read_WrongConfig_NamesFileFieldAndValue(string part, string replacement, string field, string value)
    {
        var text = Valid.Replace(part, replacement, StringComparison.Ordinal);
        Assert.NotEqual(Valid, text);
        Write(text);

        var error = Assert.Throws<ModelFolderException>(() => ModelFolder.Read(_folder.FullName));

        Assert.Equal(Path.Combine(_folder.FullName, "genai_config.json"), error.File);
        Assert.StartsWith($"{error.File}: ", error.Message, StringComparison.Ordinal);
        Assert.Contains($"{error.Field} is {value}; ", error.Message, StringComparison.Ordinal);
        Assert.StartsWith(field, error.Field, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_NoConfigFile_NamesTheFile()
    {
        var error = Assert.Throws<ModelFolderException>(() => ModelFolder.Read(_folder.FullName));

        Assert.Equal(Path.Combine(_folder.FullName, "genai_config.json"), error.File);
        Assert.Contains("missing", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_NoFolder_NamesTheFolder()
    {
        var path = Path.Combine(_folder.FullName, "nowhere");

        Assert.Equal(path, Assert.Throws<ModelFolderException>(() => ModelFolder.Read(path)).File);
    }

    private void Write(string config)
    {
        File.WriteAllText(Path.Combine(_folder.FullName, "genai_config.json"), config);
        File.WriteAllText(Path.Combine(_folder.FullName, "model.onnx"), "");
    }
}
