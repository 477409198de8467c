using System.Text.Json;
using Kaito.Core.Contracts;
using Kaito.InferenceHost;
using Kaito.InferenceHost.Adapters;
using Kaito.InferenceHost.Models;
using Kaito.Tests.InferenceHost.Engine;

namespace Kaito.Tests.InferenceHost.Adapters;

/// <summary>Adapters over HTTP, on the model whose merged logits transformers computed.</summary>
public sealed class AdapterEndpointsTests(GoldenAdapters golden)
{
    private static AdapterOptions Both => new()
    {
        Enabled = true,
        Modules =
        [
            new("adapter-a", GoldenAdapters.Folder("adapter-a"), 1),
            new("adapter-b", GoldenAdapters.Folder("adapter-b"), 1),
        ],
    };

    [Fact]
    public async Task Completions_ModelNamesAnAdapter_AnswersAsTheMergedModel()
    {
        await using var host = await StartAsync(Both);
        var names = new[] { "base", "adapter-a", "adapter-b", "adapter-b", "adapter-a", "base" };

        var answers = await Task.WhenAll(names.Select(name => host.PostAsync("/v1/completions", Ask(name))));

        Assert.All(names.Zip(answers), pair =>
        {
            var (name, (status, body)) = pair;
            Assert.Equal((200, name), (status, Read(body).GetProperty("model").GetString()));
            var said = Read(body).GetProperty("choices")[0].GetProperty("logprobs").GetProperty("token_logprobs")[0];
            Assert.Equal(Best(golden.Logits(name)[^1]), said.GetDouble(), 3);
        });
    }

    [Fact]
    public async Task Completions_StrengthInTheName_LiesBetweenModelAndAdapter()
    {
        await using var host = await StartAsync(Both);

        var (_, none) = await host.PostAsync("/v1/completions", Ask("adapter-a*0"));
        var (_, both) = await host.PostAsync("/v1/completions", Ask("adapter-a*1.0+adapter-b*0"));
        var (status, _) = await host.PostAsync("/v1/completions", Ask("adapter-a*2"));

        Assert.Equal(Best(golden.Logits("base")[^1]), Logprob(none), 3);
        Assert.Equal(Best(golden.Logits("adapter-a")[^1]), Logprob(both), 3);
        Assert.Equal(404, status);
    }

    [Fact]
    public async Task Models_WithAdapters_ListsThemAfterTheirModel()
    {
        await using var host = await StartAsync(Both);

        var (_, list) = await host.GetAsync("/v1/models");
        var (status, card) = await host.GetAsync("/v1/models/adapter-b");

        var cards = Read(list).GetProperty("data").EnumerateArray().ToArray();
        Assert.Equal(["base", "adapter-a", "adapter-b"], cards.Select(static c => c.GetProperty("id").GetString()));
        Assert.Equal([null, "base", "base"], cards.Select(static c => c.GetProperty("parent").GetString()));
        Assert.Equal(JsonValueKind.Null, cards[1].GetProperty("max_model_len").ValueKind);
        Assert.Equal(200, status);
        Assert.Equal(GoldenAdapters.Folder("adapter-b"), Read(card).GetProperty("root").GetString());
    }

    [Fact]
    public async Task Load_ThenUnload_ServesItBetween()
    {
        await using var host = await StartAsync(new() { Enabled = true, RuntimeUpdates = true });
        var before = await host.PostAsync("/v1/completions", Ask("adapter-a"));

        var loaded = await host.PostAsync("/v1/load_lora_adapter", Load("adapter-a"));
        var between = await host.PostAsync("/v1/completions", Ask("adapter-a"));
        var unloaded = await host.PostAsync("/v1/unload_lora_adapter", """{"lora_name":"adapter-a"}""");
        var after = await host.PostAsync("/v1/completions", Ask("adapter-a"));

        Assert.Equal((200, "Success: LoRA adapter 'adapter-a' added successfully."), loaded);
        Assert.Equal((200, "Success: LoRA adapter 'adapter-a' removed successfully."), unloaded);
        Assert.Equal((404, 200, 404), (before.Status, between.Status, after.Status));
        Assert.Equal(Best(golden.Logits("adapter-a")[^1]), Logprob(between.Body), 3);
    }

    [Fact]
    public async Task Load_WhatCannotBeServed_IsRefusedAsUpstreamDoes()
    {
        await using var host = await StartAsync(Both with { RuntimeUpdates = true, MostLoaded = 3, MostRank = 8 });

        await Refused("""{"lora_name":"x"}""", 400, "InvalidUserInput", "Both 'lora_name' and 'lora_path' must be");
        await Refused(Load("adapter-a"), 400, "InvalidUserInput", "adapter 'adapter-a' has already been loaded");
        await Refused(
            """{"lora_name":"x","lora_path":"/nowhere"}""", 404, "NotFoundError", "No adapter found for /nowhere");
        await Refused(Load("adapter-a", "base"), 400, "InvalidUserInput", "is the model itself");
        Assert.Equal(200, (await host.PostAsync("/v1/load_lora_adapter", Load("adapter-a", "third"))).Status);
        await Refused(Load("adapter-a", "fourth"), 400, "BadRequestError", "3 adapters are loaded");
        var (status, _) = await host.PostAsync(
            "/v1/load_lora_adapter",
            Load("adapter-b", "third").Replace("}", ",\"load_inplace\":true}", StringComparison.Ordinal));
        Assert.Equal(200, status);
        var (_, replaced) = await host.PostAsync("/v1/completions", Ask("third"));
        Assert.Equal(Best(golden.Logits("adapter-b")[^1]), Logprob(replaced), 3);
        var (gone, error) = await host.PostAsync("/v1/unload_lora_adapter", """{"lora_name":"never"}""");
        Assert.Equal(404, gone);
        Assert.Equal(
            "The lora adapter 'never' cannot be found.",
            Read(error).GetProperty("error").GetProperty("message").GetString());

        async Task Refused(string body, int expected, string type, string message)
        {
            var answer = await host.PostAsync("/v1/load_lora_adapter", body);
            Assert.Equal(expected, answer.Status);
            Assert.Equal(type, Read(answer.Body).GetProperty("error").GetProperty("type").GetString());
            Assert.Contains(
                message, Read(answer.Body).GetProperty("error").GetProperty("message").GetString(),
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Load_NotAllowedAtRunTime_IsNoRoute()
    {
        await using var host = await StartAsync(Both);

        var (status, _) = await host.PostAsync("/v1/load_lora_adapter", Load("adapter-a", "x"));

        Assert.Equal(404, status);
    }

    [Fact]
    public async Task Metrics_AnAdapterWasUsed_TellTheLimitAndTheChange()
    {
        await using var host = await StartAsync(Both);
        await host.PostAsync("/v1/completions", Ask("adapter-a"));

        var (_, metrics) = await host.GetAsync("/metrics");

        var line = metrics.Split('\n').Single(static l => l.StartsWith("vllm:lora_requests_info{", StringComparison.Ordinal));
        Assert.Contains("max_lora=\"32\",waiting_lora_adapters=\"\",running_lora_adapters=\"\"", line, StringComparison.Ordinal);
        Assert.True(double.Parse(line.Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture) > 1e9);
    }

    [Theory]
    [InlineData("adapter-b", 4, 1, "greater than max_lora_rank 4")]
    [InlineData("adapter-a", 64, 1.5, "strength is 1.5")]
    public void Start_ConfiguredAdapterThatDoesNotFit_IsRefused(string adapter, int mostRank, double strength, string expected)
    {
        var load = Loader(new()
        {
            Enabled = true,
            Modules = [new(adapter, GoldenAdapters.Folder(adapter), strength)],
            MostRank = mostRank,
        });

        var refused = Assert.Throws<ModelLoadException>(() => load());

        Assert.Contains($"Adapter {adapter}: ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Start_FolderOfAdapters_ServesEachWithItsStrength()
    {
        var parent = Path.GetDirectoryName(GoldenAdapters.Folder("adapter-a"))!;
        using var scratch = new ScratchFolder();
        foreach (var name in new[] { "adapter-b", "adapter-a" })
        {
            Directory.CreateSymbolicLink(scratch.Path(name), Path.Combine(parent, name));
        }

        var loaded = Loader(new()
        {
            Enabled = true,
            Folder = scratch.Root,
            StrengthOf = static name => name == "adapter-b" ? "0.25" : null,
        })();

        using var engine = loaded.Engine;
        Assert.Equal(
            [("adapter-a", 1f), ("adapter-b", 0.25f)],
            loaded.Model.Adapters.Served.Select(static adapter => (adapter.Name, adapter.Share.Strength)));
    }

    [Fact]
    public void Parse_OptionsOfUpstream_NameTheAdapters()
    {
        var parsed = InferenceHostCommand.Parse(
            [
                "--model-path", "/m", "--enable-lora", "--lora-modules", "a=/x", """{"name":"b","path":"/y"}""",
                "--max-lora-rank=16", "--max-loras", "4",
            ],
            static name => name == "VLLM_ALLOW_RUNTIME_LORA_UPDATING" ? "true" : null,
            static _ => throw new IOException());

        Assert.True(parsed.TryGet(out var options, out _));
        Assert.Equal([new("a", "/x", 1), new AdapterSettings("b", "/y", 1)], options.Adapters.Modules);
        Assert.True(options.Adapters is { Enabled: true, RuntimeUpdates: true, MostRank: 16, Folder: null });
    }

    [Theory]
    [InlineData("--lora-modules", "nothing", "lora-modules holds 'nothing'")]
    [InlineData("--lora-modules", "{\"name\":3}", "lora-modules holds")]
    [InlineData("--max-lora-rank", "0", "max-lora-rank is 0")]
    public void Parse_MalformedOption_NamesIt(string option, string value, string expected)
    {
        var parsed = InferenceHostCommand.Parse(
            ["--model-path", "/m", option, value], static _ => null, static _ => throw new IOException());

        Assert.False(parsed.TryGet(out _, out var found));
        Assert.Contains(expected, found[0].Message, StringComparison.Ordinal);
    }

    private Task<InferenceHostFixture> StartAsync(AdapterOptions adapters) =>
        InferenceHostFixture.StartAsync(Loader(adapters), Options(adapters));

    private ModelLoader Loader(AdapterOptions adapters) => ModelLoading.CreateLoader(Options(adapters), TimeProvider.System);

    private InferenceHostOptions Options(AdapterOptions adapters) =>
        new(golden.Model.Path, "base") { Urls = "http://127.0.0.1:0", Adapters = adapters };

    private string Ask(string model) =>
        $$"""{"model":"{{model}}","prompt":[{{string.Join(',', golden.Input)}}],"max_tokens":1,"temperature":0,"logprobs":1}""";

    private static string Load(string adapter, string? name = null) =>
        $$"""{"lora_name":"{{name ?? adapter}}","lora_path":"{{GoldenAdapters.Folder(adapter)}}"}""";

    private static JsonElement Read(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }

    private static double Logprob(string body) =>
        Read(body).GetProperty("choices")[0].GetProperty("logprobs").GetProperty("token_logprobs")[0].GetDouble();

    // Logarithm of the probability of the most probable token.
    private static double Best(float[] logits) =>
        -Math.Log(logits.Sum(value => Math.Exp(value - (double)logits.Max())));
}
