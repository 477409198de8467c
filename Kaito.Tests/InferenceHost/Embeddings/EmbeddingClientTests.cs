using System.ClientModel;
using OpenAI;
using OpenAI.Embeddings;

namespace Kaito.Tests.InferenceHost.Embeddings;

/// <summary>The official client against the real host and the tiny BERT.</summary>
public sealed class EmbeddingClientTests(BertFixture bert) : IAsyncLifetime
{
    private InferenceHostFixture _host = null!;

    public async ValueTask InitializeAsync() => _host = await EmbeddingsEndpointTests.StartAsync(bert.Folder);

    [Fact]
    public async Task GenerateEmbeddings_TokenInputs_EqualReference()
    {
        var answer = await Connect("bert").GenerateEmbeddingsAsync(
            bert.Inputs.Select(static ids => (ReadOnlyMemory<int>)ids), null, TestContext.Current.CancellationToken);

        Assert.Equal(bert.Inputs.Sum(ids => ids.Length), answer.Value.Usage.InputTokenCount);
        foreach (var embedding in answer.Value)
        {
            EncoderSessionTests.AssertClose(bert.Mean[embedding.Index], embedding.ToFloats().ToArray());
        }
    }

    [Fact]
    public async Task GenerateEmbedding_Text_HasTheModelsWidth()
    {
        var answer = await Connect("bert").GenerateEmbeddingAsync(
            "the rain falls", null, TestContext.Current.CancellationToken);

        Assert.Equal(48, answer.Value.ToFloats().Length);
    }

    [Fact]
    public async Task GenerateEmbedding_DimensionsOfAnotherModel_IsABadRequest()
    {
        var failure = await Assert.ThrowsAsync<ClientResultException>(() => Connect("bert").GenerateEmbeddingAsync(
            "rain", new EmbeddingGenerationOptions { Dimensions = 8 }, TestContext.Current.CancellationToken));

        Assert.Equal(400, failure.Status);
        Assert.Contains("matryoshka", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GenerateEmbedding_UnknownModel_IsNotFound()
    {
        var failure = await Assert.ThrowsAsync<ClientResultException>(() => Connect("other").GenerateEmbeddingAsync(
            "rain", null, TestContext.Current.CancellationToken));

        Assert.Equal(404, failure.Status);
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    private EmbeddingClient Connect(string model) => new OpenAIClient(
        new ApiKeyCredential("unused"), new() { Endpoint = new(_host.Client.BaseAddress!, "/v1") })
        .GetEmbeddingClient(model);
}
