using System.ClientModel;
using OpenAI;
using OpenAI.Chat;

namespace Kaito.Tests.RagEngine.Chat;

/// <summary>With OpenAI's own client.</summary>
public sealed class ModelEndpointsTests : IAsyncLifetime
{
    private ScriptedModel _model = null!;
    private RagFixture _rag = null!;
    private OpenAIClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _model = await ScriptedModel.StartAsync();
        _rag = await RagFixture.StartAsync(options => options with { Model = new(_model.Url, "secret") });
        _client = new(new ApiKeyCredential("k"), new OpenAIClientOptions { Endpoint = new(_rag.Http.BaseAddress!, "v1") });
    }

    public async ValueTask DisposeAsync()
    {
        await _rag.DisposeAsync();
        await _model.DisposeAsync();
    }

    [Fact]
    public async Task Embeddings_OfTwoTexts_HaveLengthOneAndOrder()
    {
        var answer = await _client.GetEmbeddingClient("any").GenerateEmbeddingsAsync(
            ["apples and pears", "apples and pears", "trains"], cancellationToken: TestContext.Current.CancellationToken);

        var vectors = answer.Value.Select(static e => e.ToFloats().ToArray()).ToArray();
        Assert.Equal(384, vectors[0].Length);
        Assert.Equal(1, vectors[0].Sum(static x => x * x), 4);
        Assert.Equal(vectors[0], vectors[1]);
        Assert.NotEqual(vectors[0], vectors[2]);
    }

    [Fact]
    public async Task Models_AreTheAnsweringModelAndTheEmbedder()
    {
        await _rag.IndexAsync("i", "x");
        var models = await _client.GetOpenAIModelClient().GetModelsAsync(TestContext.Current.CancellationToken);

        Assert.Equal(["mock-model", "kaito/hashed-grams-1"], models.Value.Select(static m => m.Id));
    }

    [Fact]
    public async Task Chat_ThroughTheClient_AnswersOverAnIndexWholeAndStreamed()
    {
        await _rag.IndexAsync("docs", "Paris is the capital of France.");
        var chat = _client.GetChatClient("mock-model");
        var options = new ChatCompletionOptions();
#pragma warning disable SCME0001 // The client's way of sending members that it does not know.
        options.Patch.Set("$.index_name"u8, "docs");
#pragma warning restore SCME0001

        var whole = await chat.CompleteChatAsync(
            [new UserChatMessage("What is the capital of France?")], options, TestContext.Current.CancellationToken);

        Assert.Equal("This is a helpful response.", whole.Value.Content[0].Text);
        Assert.Contains("Paris is the capital", (string?)_model.Asked.Last()["messages"]![0]!["content"], StringComparison.Ordinal);

        _model.Answer = static async http =>
        {
            http.Response.ContentType = "text/event-stream";
            await Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(
                http.Response,
                "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,"
                + "\"delta\":{\"role\":\"assistant\",\"content\":\"Paris.\"},\"finish_reason\":null}]}\n\ndata: [DONE]\n\n");
        };
        var said = "";
        await foreach (var update in chat.CompleteChatStreamingAsync(
            [new UserChatMessage("What is the capital of France?")], options, TestContext.Current.CancellationToken))
        {
            said += string.Concat(update.ContentUpdate.Select(static part => part.Text));
        }

        Assert.Equal("Paris.", said);
    }
}
