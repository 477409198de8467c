using System.ClientModel;
using System.Text.Json;
using Kaito.InferenceHost;
using Kaito.InferenceHost.Models;
using Kaito.ModelBuilder.Tiny;
using OpenAI;
using OpenAI.Chat;

namespace Kaito.Tests.InferenceHost;

/// <summary>The official client against the real host, the real engine and the tiny model.</summary>
public sealed class OpenAIClientTests : IAsyncLifetime
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private readonly string _folder = Directory.CreateTempSubdirectory("kaito-tiny-").FullName;
    private InferenceHostFixture _host = null!;
    private OpenAIClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        TinyModel.Write(_folder);
        var options = new InferenceHostOptions(_folder, "tiny") { Urls = "http://127.0.0.1:0" };
        _host = await InferenceHostFixture.StartAsync(ModelLoading.CreateLoader(options, TimeProvider.System), options);
        _client = Connect(_host);
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

    [Fact]
    public async Task CompleteChat_StreamedOrNot_GivesTheSameText()
    {
        using var engine = new ScriptedEngine();
        await using var host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(engine));
        var chat = Connect(host).GetChatClient("scripted");
        var options = new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 12 };

        var whole = await chat.CompleteChatAsync(
            [new UserChatMessage("Hello there")], options, TestContext.Current.CancellationToken);
        var streamed = "";
        await foreach (var update in chat.CompleteChatStreamingAsync(
            [new UserChatMessage("Hello there")], options, TestContext.Current.CancellationToken))
        {
            streamed += string.Concat(update.ContentUpdate.Select(part => part.Text));
        }

        Assert.Equal("Hello there", whole.Value.Content[0].Text);
        Assert.Equal("Hello there", streamed);
        Assert.Equal(12, whole.Value.Usage.OutputTokenCount);
    }

    [Fact]
    public async Task CompleteChat_Tools_AreCalledStreamedOrNot()
    {
        const string Call = """Wait. <tool_call>{"name": "add", "arguments": {"a": 4}}</tool_call>""";
        using var engine = new ScriptedEngine(context: 1024);
        await using var host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(engine));
        var chat = Connect(host).GetChatClient("scripted");
        var options = new ChatCompletionOptions
        {
            Temperature = 0,
            Tools = { ChatTool.CreateFunctionTool("add", "Adds.", BinaryData.FromString("""{"type":"object"}""")) },
        };

        var whole = (await chat.CompleteChatAsync([new UserChatMessage(Call)], options, Stop)).Value;
        var (name, arguments, reason) = ("", "", default(ChatFinishReason?));
        await foreach (var update in chat.CompleteChatStreamingAsync([new UserChatMessage(Call)], options, Stop))
        {
            foreach (var part in update.ToolCallUpdates)
            {
                name += part.FunctionName;
                arguments += part.FunctionArgumentsUpdate;
            }

            reason = update.FinishReason ?? reason;
        }

        var call = Assert.Single(whole.ToolCalls);
        Assert.Equal((ChatFinishReason.ToolCalls, "Wait."), (whole.FinishReason, whole.Content[0].Text));
        Assert.Equal(("add", """{"a": 4}"""), (call.FunctionName, call.FunctionArguments.ToString()));
        Assert.Equal(("add", """{"a": 4}""", ChatFinishReason.ToolCalls), (name, arguments, reason));
    }

    [Fact]
    public async Task CompleteChat_SchemaAndLogprobs_AreKeptOnTheTinyModel()
    {
        var chat = _client.GetChatClient("tiny");
        var options = new ChatCompletionOptions
        {
            Temperature = 0,
            MaxOutputTokenCount = 200,
            IncludeLogProbabilities = true,
            TopLogProbabilityCount = 2,
            ResponseFormat = ChatResponseFormat.CreateJsonSchemaFormat(
                "n", BinaryData.FromString("""{"type":"object","properties":{"n":{"enum":[1,2]}},"required":["n"],"additionalProperties":false}""")),
        };

        var answer = (await chat.CompleteChatAsync([new UserChatMessage("A number?")], options, Stop)).Value;

        Assert.Contains(answer.Content[0].Text, new[] { """{"n":1}""", """{"n":2}""" });
        Assert.Equal(ChatFinishReason.Stop, answer.FinishReason);
        Assert.All(answer.ContentTokenLogProbabilities, static t => Assert.InRange(t.LogProbability, -9999, 0));
        Assert.All(answer.ContentTokenLogProbabilities, static t => Assert.Equal(2, t.TopLogProbabilities.Count));
        Assert.Equal(answer.Usage.OutputTokenCount, answer.ContentTokenLogProbabilities.Count);
    }

    [Fact]
    public async Task CompleteChatStreaming_LeftByItsReader_FreesItsSlot()
    {
        var chat = _client.GetChatClient("tiny");
        var options = new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 400 };
        await foreach (var _ in chat.CompleteChatStreamingAsync([new UserChatMessage("Tell me all.")], options, Stop))
        {
            break;
        }

        await InferenceHostFixture.UntilAsync(async () => (await _host.GetAsync("/metrics")).Body.Contains(
            "vllm:num_requests_running{engine=\"0\",model_name=\"tiny\"} 0", StringComparison.Ordinal));
    }

    [Fact]
    public async Task CompleteChat_SixteenAtOnceOnTheTinyModel_EqualEachAlone()
    {
        var chat = _client.GetChatClient("tiny");
        var questions = Enumerable.Range(0, 16).Select(i => $"Question {i}: what comes after {i * 7}?").ToArray();
        var alone = new List<string>();
        foreach (var question in questions)
        {
            alone.Add(await AskAsync(chat, question));
        }

        var together = await Task.WhenAll(questions.Select(question => AskAsync(chat, question)));

        Assert.Equal(alone, together);
    }

    [Fact]
    public async Task Completions_SixteenAtOnce_EqualEachAlone()
    {
        var prompts = Enumerable.Range(0, 16).Select(i => $"Question {i}: what comes after {i * 7}?").ToArray();
        var alone = new List<string>();
        foreach (var prompt in prompts)
        {
            alone.Add(await CompleteAsync(prompt));
        }

        var together = await Task.WhenAll(prompts.Select(CompleteAsync));

        Assert.Equal(alone, together);
        Assert.True(alone.Distinct().Count() > 1, "Every answer is the same, so the comparison says nothing.");
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<string> AskAsync(ChatClient chat, string question)
    {
        var answer = await chat.CompleteChatAsync(
            [new UserChatMessage(question)],
            new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 16 },
            TestContext.Current.CancellationToken);
        return string.Concat(answer.Value.Content.Select(part => part.Text));
    }

    private static OpenAIClient Connect(InferenceHostFixture host) =>
        new(new ApiKeyCredential("unused"), new() { Endpoint = new(host.Client.BaseAddress!, "/v1") });

    private async Task<string> CompleteAsync(string prompt)
    {
        var (status, body) = await _host.PostAsync(
            "/v1/completions", $$"""{"prompt":"{{prompt}}","max_tokens":16,"temperature":0}""");
        Assert.Equal(200, status);
        return JsonDocument.Parse(body).RootElement.GetProperty("choices")[0].GetProperty("text").GetString()!;
    }
}
