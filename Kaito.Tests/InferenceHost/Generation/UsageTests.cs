using System.Text.Json;
using Kaito.InferenceHost;
using Kaito.InferenceHost.Models;
using Kaito.Tests.InferenceHost.Engine;

namespace Kaito.Tests.InferenceHost.Generation;

public sealed class UsageTests(TinyModelFixture tiny)
{
    [Theory]
    [InlineData("/v1/chat/completions", "messages", "completion_tokens_details")]
    [InlineData("/v1/responses", "input", "output_tokens_details")]
    public async Task Usage_AnswerWithAThought_CountsItsTokens(string path, string prompt, string details)
    {
        await using var host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(new()));

        // The scripted model repeats the prompt; a token is a character.
        var (status, body) = await host.PostAsync(
            path,
            $$"""{"{{prompt}}":[{"role":"user","content":"<think>abcd</think>e"}],"temperature":0,"stream":false}""");

        Assert.Equal(200, status);
        Assert.Equal(4, Usage(body).GetProperty(details).GetProperty("reasoning_tokens").GetInt32());
    }

    [Fact]
    public async Task Usage_PromptThatWasSeenBefore_CountsWhatWasNotComputed()
    {
        var options = new InferenceHostOptions(tiny.Folder.Path, "tiny") { Urls = "http://127.0.0.1:0" };
        await using var host = await InferenceHostFixture.StartAsync(
            ModelLoading.CreateLoader(options, TimeProvider.System), options);
        const string Ask = """{"prompt":[5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20],"max_tokens":4,"temperature":0}""";

        var first = await host.PostAsync("/v1/completions", Ask);
        var second = await host.PostAsync("/v1/completions", Ask);

        Assert.Equal((0, 15), (Cached(first.Body), Cached(second.Body)));
        var (_, metrics) = await host.GetAsync("/metrics");
        Assert.Contains("vllm:prefix_cache_hits_total{engine=\"0\",model_name=\"tiny\"} 15\n", metrics, StringComparison.Ordinal);
        Assert.Contains("vllm:num_preemptions_total{engine=\"0\",model_name=\"tiny\"} 0\n", metrics, StringComparison.Ordinal);

        static int Cached(string body) =>
            Usage(body).GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32();
    }

    [Fact]
    public async Task Usage_OtherCacheSalt_KnowsNothingOfThePrompt()
    {
        var options = new InferenceHostOptions(tiny.Folder.Path, "tiny") { Urls = "http://127.0.0.1:0" };
        await using var host = await InferenceHostFixture.StartAsync(
            ModelLoading.CreateLoader(options, TimeProvider.System), options);

        int[] cached =
        [
            await AskAsync("\"one\""), await AskAsync("\"two\""), await AskAsync("null"), await AskAsync("\"one\""),
            await AskAsync("\"two\""), await AskAsync("null"),
        ];

        Assert.Equal([0, 0, 0, 15, 15, 15], cached);

        async Task<int> AskAsync(string salt)
        {
            var (_, body) = await host.PostAsync(
                "/v1/completions",
                $$"""{"prompt":[5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20],"max_tokens":4,"temperature":0,"cache_salt":{{salt}}}""");
            return Usage(body).GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32();
        }
    }

    [Theory]
    [InlineData("/v1/completions", "prompt")]
    [InlineData("/v1/responses", "input")]
    public async Task CacheSalt_Empty_IsRefused(string path, string prompt)
    {
        await using var host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(new()));

        var (status, refused) = await host.PostAsync(path, $$"""{"{{prompt}}":"a","cache_salt":"","priority":-2}""");

        Assert.Equal(400, status);
        using var error = JsonDocument.Parse(refused);
        Assert.Equal(
            "Parameter 'cache_salt' must be a non-empty string if provided.",
            error.RootElement.GetProperty("error").GetProperty("message").GetString());
    }

    private static JsonElement Usage(string body)
    {
        using var document = JsonDocument.Parse(body);
        return document.RootElement.GetProperty("usage").Clone();
    }
}
