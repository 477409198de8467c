using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.InferenceHost;
using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Models;
using Kaito.Tests.InferenceHost.Engine;
using Microsoft.Extensions.DependencyInjection;

namespace Kaito.Tests.InferenceHost.Http;

/// <summary>Who goes first and who gives way, as clients see it.</summary>
public sealed class PriorityTests(TinyModelFixture tiny)
{
    [Fact]
    public async Task Priority_OneSlot_LowerNumbersAreAnsweredFirst()
    {
        using var engine = new ScriptedEngine(slots: 1);
        await using var host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(engine));
        var scheduler = host.App.Services.GetRequiredService<GenerationScheduler>();
        engine.Gate.Reset();
        var calls = new List<Task<(int Status, string Body)>> { AskAsync("first", 9) };
        await InferenceHostFixture.UntilAsync(() => Task.FromResult(engine.RunningCount == 1));
        foreach (var (name, priority) in new[] { ("late", 5), ("soon", -3), ("later", 5), ("middle", 0) })
        {
            calls.Add(AskAsync(name, priority));
            await InferenceHostFixture.UntilAsync(() => Task.FromResult(scheduler.Waiting == calls.Count - 1));
        }

        engine.Gate.Set();
        var answers = await Task.WhenAll(calls);

        Assert.All(answers, static answer => Assert.Equal(200, answer.Status));
        Assert.Equal(["first", "soon", "middle", "late", "later"], engine.Admitted);

        Task<(int Status, string Body)> AskAsync(string name, int priority) => host.PostAsync(
            "/v1/completions",
            $$"""{"prompt":"{{name}}","temperature":0,"max_tokens":3,"priority":{{priority.ToString(CultureInfo.InvariantCulture)}}}""");
    }

    [Fact]
    public async Task Preemption_CacheTooSmallForAll_ChangesNoAnswerAndIsCounted()
    {
        // 2048 bytes a token: room for 1024 of the 1800 tokens that the four may come to hold.
        var options = new InferenceHostOptions(tiny.Folder.Path, "tiny") { Urls = "http://127.0.0.1:0" };
        var small = new EngineOptions { MaxSequences = 4, CacheBytes = 2048 * 1024, PrefixBytes = 0 };
        await using var host = await InferenceHostFixture.StartAsync(
            () =>
            {
                var loaded = ModelLoading.CreateLoader(options, TimeProvider.System)();
                loaded.Engine.Dispose();
                return loaded with { Engine = SlotEngine.Load(tiny.Folder, small) };
            },
            options);
        var alone = new List<string>();
        for (var call = 0; call < 4; call++)
        {
            alone.Add(await AnswerAsync(host, call));
        }

        var together = await Task.WhenAll(Enumerable.Range(0, 4).Select(call => AnswerAsync(host, call)));

        Assert.Equal(alone, together);
        var (_, metrics) = await host.GetAsync("/metrics");
        Assert.InRange(Counter(metrics, "vllm:num_preemptions_total"), 1, 100);
        Assert.InRange(Counter(metrics, "vllm:prompt_tokens_recomputed_total"), 50, 100_000);
    }

    private static async Task<string> AnswerAsync(InferenceHostFixture host, int call)
    {
        var prompt = string.Join(',', EngineRun.RandomPrompt(call, 50, 400));
        var (status, body) = await host.PostAsync(
            "/v1/completions",
            $$"""{"prompt":[{{prompt}}],"temperature":0,"max_tokens":400,"ignore_eos":true,"return_token_ids":true,"priority":{{call}}}""");
        Assert.True(status == 200, body);
        var choice = JsonNode.Parse(body)!["choices"]![0]!;
        Assert.Equal("length", (string?)choice["finish_reason"]);
        return choice["token_ids"]!.ToJsonString();
    }

    private static double Counter(string metrics, string name) => double.Parse(
        metrics.Split('\n').Single(line => line.StartsWith(name + "{", StringComparison.Ordinal)).Split(' ')[^1],
        CultureInfo.InvariantCulture);
}
