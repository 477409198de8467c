using System.Runtime.InteropServices;
using System.Text.Json;
using Kaito.InferenceHost;
using Kaito.InferenceHost.Models;
using Kaito.OpenAI;

namespace Kaito.Tests.InferenceHost.Embeddings;

/// <summary>The real host over HTTP with the tiny BERT.</summary>
public sealed class EmbeddingsEndpointTests(BertFixture bert) : IAsyncLifetime
{
    private InferenceHostFixture _host = null!;

    public async ValueTask InitializeAsync() => _host = await StartAsync(bert.Folder);

    [Fact]
    public async Task Embeddings_TokenInputs_EqualReference()
    {
        var answer = await EmbedAsync($$"""{"model":"bert","input":{{JsonSerializer.Serialize(bert.Inputs)}}}""");

        Assert.StartsWith("embd-", answer.Id, StringComparison.Ordinal);
        Assert.Equal(("list", "bert"), (answer.Object, answer.Model));
        var tokens = bert.Inputs.Sum(ids => ids.Length);
        Assert.Equal(new Usage(tokens, tokens, 0), answer.Usage);
        for (var at = 0; at < bert.Mean.Length; at++)
        {
            Assert.Equal((at, "embedding"), (answer.Data[at].Index, answer.Data[at].Object));
            EncoderSessionTests.AssertClose(bert.Mean[at], answer.Data[at].Embedding.Values);
        }
    }

    [Fact]
    public async Task Embeddings_Base64_HoldsTheSameNumbers()
    {
        var (_, body) = await _host.PostAsync(
            "/v1/embeddings", """{"input":"the rain falls","encoding_format":"base64"}""");
        var plain = await EmbedAsync("""{"input":["the rain falls"],"encoding_format":"float"}""");

        using var document = JsonDocument.Parse(body);
        var bytes = document.RootElement.GetProperty("data")[0].GetProperty("embedding").GetBytesFromBase64();

        Assert.Equal(plain.Data[0].Embedding.Values, MemoryMarshal.Cast<byte, float>(bytes).ToArray());
    }

    [Fact]
    public async Task Embeddings_TextAndItsTokens_AreTheSame()
    {
        var (_, tokenized) = await _host.PostAsync("/tokenize", """{"prompt":"Rain falls on the hills."}""");
        using var document = JsonDocument.Parse(tokenized);
        var ids = document.RootElement.GetProperty("tokens").GetRawText();

        var byText = await EmbedAsync("""{"input":"Rain falls on the hills."}""");
        var byTokens = await EmbedAsync($$"""{"input":{{ids}}}""");

        Assert.Equal(byText.Data[0].Embedding.Values, byTokens.Data[0].Embedding.Values);
        Assert.Equal(byText.Usage, byTokens.Usage);
    }

    [Fact]
    public async Task Embeddings_NormalizeFalse_KeepsTheLength()
    {
        var plain = await EmbedAsync("""{"input":"rain","normalize":false}""");
        var unit = await EmbedAsync("""{"input":"rain"}""");

        Assert.Equal(1, Norm(unit), 5);
        Assert.NotEqual(1, Norm(plain), 2);
    }

    [Fact]
    public async Task Embeddings_TooLongAndTruncated_CutsToTheModel()
    {
        var text = string.Join(' ', Enumerable.Repeat("rain", 500));

        var (status, body) = await _host.PostAsync("/v1/embeddings", $$"""{"input":"{{text}}"}""");
        var cut = await EmbedAsync($$"""{"input":"{{text}}","truncate_prompt_tokens":-1}""");
        var shorter = await EmbedAsync($$"""{"input":"{{text}}","truncate_prompt_tokens":7}""");

        Assert.Equal(400, status);
        Assert.Contains("maximum context length is 128 tokens", body, StringComparison.Ordinal);
        Assert.Equal((128, 7), (cut.Usage.PromptTokens, shorter.Usage.PromptTokens));
    }

    [Theory]
    [InlineData("""{}""", "input")]
    [InlineData("""{"input":[]}""", "input")]
    [InlineData("""{"input":[[]]}""", "input")]
    [InlineData("""{"input":[513]}""", "input")]
    [InlineData("""{"input":[-1]}""", "input")]
    [InlineData("""{"input":"x","encoding_format":"int8"}""", "encoding_format")]
    [InlineData("""{"input":"x","dimensions":8}""", "dimensions")]
    [InlineData("""{"input":"x","truncate_prompt_tokens":129}""", "truncate_prompt_tokens")]
    [InlineData("""{"input":"","add_special_tokens":false}""", "input")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}]}""", "messages")]
    public async Task Embeddings_WhatCannotBe_IsABadRequest(string json, string param)
    {
        var error = await ErrorAsync("/v1/embeddings", json, 400);

        Assert.Equal(("BadRequestError", param, 400), (error.Type, error.Param, error.Code));
    }

    [Theory]
    [InlineData("""{"input":{"a":1}}""")]
    [InlineData("""{"input":[1,"a"]}""")]
    [InlineData("""{"input":[[1],"a"]}""")]
    [InlineData("""{"input":"x","dimensions":"many"}""")]
    [InlineData("""{"input":""")]
    public async Task Embeddings_Malformed_IsABadRequest(string json)
    {
        var error = await ErrorAsync("/v1/embeddings", json, 400);

        Assert.Equal("Bad Request", error.Type);
    }

    [Fact]
    public async Task Embeddings_OtherModel_IsNotFound()
    {
        var error = await ErrorAsync("/v1/embeddings", """{"model":"other","input":"x"}""", 404);

        Assert.Equal(("NotFoundError", "model"), (error.Type, error.Param));
    }

    [Theory]
    [InlineData("/v1/chat/completions", "Chat Completions API")]
    [InlineData("/v1/completions", "Completions API")]
    public async Task Generation_EmbeddingModel_IsNotImplemented(string path, string name)
    {
        var error = await ErrorAsync(path, """{"prompt":"x","messages":[{"role":"user","content":"x"}]}""", 501);

        Assert.Equal("NotImplementedError", error.Type);
        Assert.Equal($"The model does not support {name}", error.Message);
    }

    [Fact]
    public async Task Embeddings_GenerationModel_IsNotImplemented()
    {
        using var engine = new ScriptedEngine();
        await using var host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(engine));

        var (status, body) = await host.PostAsync("/v1/embeddings", """{"input":"x"}""");

        Assert.Equal(501, status);
        Assert.Contains("does not support Embeddings API", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Models_EmbeddingModel_IsListedWithItsLimit()
    {
        var (_, body) = await _host.GetAsync("/v1/models");

        using var document = JsonDocument.Parse(body);
        var card = document.RootElement.GetProperty("data")[0];
        Assert.Equal("bert", card.GetProperty("id").GetString());
        Assert.Equal(128, card.GetProperty("max_model_len").GetInt32());
    }

    [Fact]
    public async Task Metrics_AfterCalls_CountInputsAndTokens()
    {
        await EmbedAsync("""{"input":[[2,5,3],[2,5,6,3]]}""");

        var (_, text) = await _host.GetAsync("/metrics");

        Assert.Contains("finished_reason=\"stop\"} 2\n", text, StringComparison.Ordinal);
        Assert.Matches("vllm:prompt_tokens_total\\{[^}]*\\} 7\n", text);
        Assert.Matches("vllm:num_requests_running\\{[^}]*\\} 0\n", text);
    }

    [Fact]
    public async Task Embeddings_ManyAtOnce_EqualEachAlone()
    {
        var texts = Enumerable.Range(0, 24)
            .Select(i => string.Join(' ', Enumerable.Repeat($"rain {i}", 1 + i))).ToArray();
        var alone = new List<IReadOnlyList<float>>();
        foreach (var text in texts)
        {
            alone.Add((await EmbedAsync(Json(text))).Data[0].Embedding.Values);
        }

        var together = await Task.WhenAll(texts.Select(text => EmbedAsync(Json(text))));
        var asOne = await EmbedAsync(Json(texts));

        for (var at = 0; at < texts.Length; at++)
        {
            EncoderSessionTests.AssertClose(alone[at], together[at].Data[0].Embedding.Values);
            EncoderSessionTests.AssertClose(alone[at], asOne.Data[at].Embedding.Values);
        }
    }

    [Fact]
    public async Task Embeddings_MatryoshkaModel_CutsAndNormalizes()
    {
        var file = Path.Combine(bert.Folder, "config.json");
        var config = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(
            await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken))!;
        config["matryoshka_dimensions"] = JsonSerializer.SerializeToElement(new[] { 16, 48 });
        await using var host = await StartAsync(
            bert.With("matryoshka", ("config.json", JsonSerializer.Serialize(config))));

        var (status, body) = await host.PostAsync("/v1/embeddings", """{"input":"rain","dimensions":16}""");
        var (refused, _) = await host.PostAsync("/v1/embeddings", """{"input":"rain","dimensions":17}""");

        var answer = JsonSerializer.Deserialize(body, OpenAIJson.Default.EmbeddingList)!;
        Assert.Equal((200, 400), (status, refused));
        Assert.Equal(16, answer.Data[0].Embedding.Values.Count);
        Assert.Equal(1, Norm(answer), 5);
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    internal static Task<InferenceHostFixture> StartAsync(string folder)
    {
        var options = new InferenceHostOptions(folder, "bert") { Urls = "http://127.0.0.1:0" };
        return InferenceHostFixture.StartAsync(ModelLoading.CreateLoader(options, TimeProvider.System), options);
    }

    private static string Json(object input) => JsonSerializer.Serialize(new { input });

    private static double Norm(EmbeddingList answer) =>
        Math.Sqrt(answer.Data[0].Embedding.Values.Sum(static value => (double)value * value));

    private async Task<EmbeddingList> EmbedAsync(string json)
    {
        var (status, body) = await _host.PostAsync("/v1/embeddings", json);
        Assert.True(status == 200, body);
        return JsonSerializer.Deserialize(body, OpenAIJson.Default.EmbeddingList)!;
    }

    private async Task<ErrorBody> ErrorAsync(string path, string json, int expected)
    {
        var (status, body) = await _host.PostAsync(path, json);
        Assert.Equal(expected, status);
        return JsonSerializer.Deserialize(body, OpenAIJson.Default.ErrorResponse)!.Error;
    }
}
