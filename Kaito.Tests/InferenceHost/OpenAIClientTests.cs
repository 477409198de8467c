using System.ClientModel;
using Kaito.InferenceHost;
using Kaito.InferenceHost.Models;
using Kaito.ModelBuilder.Tiny;
using OpenAI;
using OpenAI.Chat;

namespace Kaito.Tests.InferenceHost;

/// <summary>The official client against the real host, the real engine and the tiny model.</summary>
public sealed class OpenAIClientTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kaito-tiny-").FullName;
    private InferenceHostFixture _host = null!;
    private OpenAIClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        TinyModel.Write(_folder);
        var options = new InferenceHostOptions(_folder, "tiny") { Urls = "http://127.0.0.1:0" };
        _host = await InferenceHostFixture.StartAsync(ModelLoading.CreateLoader(options, TimeProvider.System), options);
        _client = new(
            new ApiKeyCredential("unused"), new() { Endpoint = new(_host.Client.BaseAddress!, "/v1") });
    }

    [Fact]
    public async Task GetModels_ListsTheServedModel()
    {
        var models = await _client.GetOpenAIModelClient().GetModelsAsync(TestContext.Current.CancellationToken);

        Assert.Equal("tiny", Assert.Single(models.Value).Id);
    }

    [Fact]
    public async Task CompleteChat_UnknownModel_IsNotFound()
    {
        var failure = await Assert.ThrowsAsync<ClientResultException>(
            () => _client.GetChatClient("other").CompleteChatAsync([new UserChatMessage("x")]));

        Assert.Equal(404, failure.Status);
    }

    [Fact]
    public async Task Completions_TextPrompt_AnswersWithUsage()
    {
        var (status, body) = await _host.PostAsync(
            "/v1/completions", """{"model":"tiny","prompt":"What is kubernetes?","max_tokens":7,"temperature":0}""");

        Assert.Equal(200, status);
        Assert.Contains("\"object\":\"text_completion\"", body, StringComparison.Ordinal);
        Assert.Contains("\"completion_tokens\":", body, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
