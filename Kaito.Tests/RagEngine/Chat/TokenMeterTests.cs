using System.Text.Json.Nodes;
using Kaito.RagEngine.Chunking;
using Microsoft.Extensions.DependencyInjection;

namespace Kaito.Tests.RagEngine.Chat;

/// <summary>Budgets are kept in the served model's own tokens, where its server counts them.</summary>
public sealed class TokenMeterTests : IAsyncLifetime
{
    private const string Route = "/v1/chat/completions";

    private ScriptedModel _model = null!;
    private RagFixture _rag = null!;

    public async ValueTask InitializeAsync()
    {
        _model = await ScriptedModel.StartAsync();
        _rag = await StartAsync(1200);
        await _rag.IndexAsync(
            "i", [.. Enumerable.Range(0, 30).Select(static i => $"Passage {i} about apples tells what an apple is.")]);
    }

    public async ValueTask DisposeAsync()
    {
        await _rag.DisposeAsync();
        await _model.DisposeAsync();
    }

    [Fact]
    public async Task Chat_ServerThatCounts_KeepsTheBudgetInItsTokens()
    {
        // A token per character: several times what is estimated.
        _model.Tokens = static text => text.Length;

        var texts = await PassagesAsync();

        // Half of 1200 less the question and the reserve of 150.
        var budget = (1200 - "\n\nWhat is an apple?".Length - 150) / 2;
        Assert.InRange(string.Join("\n\n", texts).Length, budget * 6 / 10, budget);
        Assert.InRange(_model.Counted.Count, 2, 4);
        Assert.Equal("\n\nWhat is an apple?", _model.Counted.First());
    }

    [Fact]
    public async Task Chat_TokensLongerThanEstimated_LeavesNoRoomUnused()
    {
        _model.Tokens = static text => text.Length / 20;

        var texts = await PassagesAsync();

        Assert.Equal(30, texts.Length);
        Assert.InRange(_model.Counted.Count, 2, 4);
    }

    [Fact]
    public async Task Chat_SecondOne_BeginsWithWhatTheFirstLearned()
    {
        _model.Tokens = static text => text.Length;
        await PassagesAsync();
        var first = _model.Counted.Count;

        await PassagesAsync();

        Assert.InRange(_model.Counted.Count - first, 2, first);
    }

    [Fact]
    public async Task Chat_ServerThatDoesNotCount_IsAskedOnceAndEstimated()
    {
        var texts = await PassagesAsync();
        await PassagesAsync();

        Assert.Single(_model.Counted);
        Assert.InRange(texts.Sum(static text => TokenCount.Of(text)), 200, 520);
    }

    [Fact]
    public async Task Chat_ServerThatIsStarting_IsAskedAgainSoon()
    {
        var clock = ManualTime.AtEpoch();
        await using var rag = await StartAsync(1200, clock);
        await rag.IndexAsync("i", "An apple is a fruit.");
        _model.WithoutTokens = 503;
        await PassagesAsync(rag);
        await PassagesAsync(rag);
        Assert.Single(_model.Counted);

        _model.Tokens = static text => text.Length;
        clock.Advance(TimeSpan.FromSeconds(6));
        await PassagesAsync(rag);

        Assert.InRange(_model.Counted.Count, 3, 5);
    }

    [Fact]
    public async Task Chat_ServerWithAnotherTokenize_IsEstimated()
    {
        // llama.cpp's takes other members, and says no count.
        _model.Tokens = static _ => -1;

        Assert.NotEmpty(await PassagesAsync());
        Assert.Single(_model.Counted);
    }

    [Fact]
    public async Task Chat_PromptLongerThanTheWindowInTheModelsTokens_IsRefused()
    {
        _model.Tokens = static text => text.Length * 100;

        var (status, body) = await _rag.PostAsync(Route, Ask());

        Assert.Equal((400, "Prompt length exceeds context window."), (status, (string?)body!["detail"]));
        Assert.Empty(_model.Asked);
    }

    private Task<RagFixture> StartAsync(int window, TimeProvider? clock = null) => RagFixture.StartAsync(
        options => options with
        {
            Model = new(_model.Url, "secret"),
            ContextTokens = window,
            SimilarityThreshold = 0,
        },
        services => services.AddSingleton(clock ?? TimeProvider.System));

    private async Task<string[]> PassagesAsync(RagFixture? rag = null)
    {
        var (status, body) = await (rag ?? _rag).PostAsync(Route, Ask());
        Assert.Equal(200, status);
        return [.. body!["source_nodes"]!.AsArray().Select(static s => (string)s!["text"]!)];
    }

    private static JsonObject Ask() => new()
    {
        ["index_name"] = "i",
        ["model"] = "m",
        ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "What is an apple?" }),
    };
}
