using System.Numerics.Tensors;
using System.Text.Json;
using Kaito.OpenAI;

namespace Kaito.Tests.InferenceHost.Embeddings;

public sealed class SimilarityEndpointsTests(BertFixture bert) : IAsyncLifetime
{
    private InferenceHostFixture _host = null!;

    public async ValueTask InitializeAsync() => _host = await EmbeddingsEndpointTests.StartAsync(bert.Folder);

    [Theory]
    [InlineData("/score", "text_1", "text_2")]
    [InlineData("/v1/score", "queries", "documents")]
    [InlineData("/score", "data_1", "data_2")]
    public async Task Score_OneAgainstMany_IsTheCosineOfTheEmbeddings(string path, string left, string right)
    {
        var (_, embedded) = await _host.PostAsync("/v1/embeddings", """{"input":["rain","the hills","rain"]}""");
        var vectors = JsonSerializer.Deserialize(embedded, OpenAIJson.Default.EmbeddingList)!.Data
            .Select(item => item.Embedding.Values.ToArray()).ToArray();

        var (status, body) = await _host.PostAsync(path, $$"""{"{{left}}":"rain","{{right}}":["the hills","rain"]}""");

        var answer = JsonSerializer.Deserialize(body, OpenAIJson.Default.ScoreList)!;
        Assert.Equal(200, status);
        Assert.Equal([0, 1], answer.Data.Select(item => item.Index));
        Assert.Equal(TensorPrimitives.CosineSimilarity<float>(vectors[0], vectors[1]), answer.Data[0].Score, 4);
        Assert.Equal(1, answer.Data[1].Score, 4);
    }

    [Theory]
    [InlineData("/rerank")]
    [InlineData("/v1/rerank")]
    public async Task Rerank_TopTwo_PutsTheSameTextFirst(string path)
    {
        var (status, body) = await _host.PostAsync(
            path, """{"query":"rain falls","documents":["hills","rain falls","snow and ice"],"top_n":2}""");

        var answer = JsonSerializer.Deserialize(body, OpenAIJson.Default.RerankList)!;
        Assert.Equal(200, status);
        Assert.Equal(2, answer.Results.Count);
        Assert.Equal((1, "rain falls"), (answer.Results[0].Index, answer.Results[0].Document.Text));
        Assert.True(answer.Results[0].RelevanceScore > answer.Results[1].RelevanceScore, body);
        Assert.True(answer.Usage.TotalTokens > 0, body);
    }

    [Theory]
    [InlineData("/score", """{"text_1":["a","b"],"text_2":["a","b","c"]}""", "text_1")]
    [InlineData("/score", """{"text_1":"a"}""", "text_1")]
    [InlineData("/rerank", """{"documents":["a"]}""", "query")]
    [InlineData("/rerank", """{"query":"a"}""", "documents")]
    [InlineData("/rerank", """{"query":"a","documents":["a"],"top_n":-1}""", "top_n")]
    [InlineData("/rerank", """{"query":"a","documents":["a"],"truncate_prompt_tokens":0}""", "truncate_prompt_tokens")]
    public async Task Similarity_WhatCannotBe_IsABadRequest(string path, string json, string param)
    {
        var (status, body) = await _host.PostAsync(path, json);

        Assert.Equal(400, status);
        Assert.Equal(param, JsonSerializer.Deserialize(body, OpenAIJson.Default.ErrorResponse)!.Error.Param);
    }

    [Theory]
    [InlineData("/score")]
    [InlineData("/rerank")]
    public async Task Similarity_GenerationModel_IsNotImplemented(string path)
    {
        using var engine = new ScriptedEngine();
        await using var host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(engine));

        var (status, _) = await host.PostAsync(path, """{"query":"a","documents":["a"]}""");

        Assert.Equal(501, status);
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();
}
