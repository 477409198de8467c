using System.Text.Json.Nodes;
using Kaito.InferenceHost;
using Kaito.InferenceHost.Models;
using Kaito.Tests.InferenceHost.Engine;
using Kaito.Tokenization;

namespace Kaito.Tests.InferenceHost.Http;

/// <summary><c>suffix</c>, with a model that was taught to fill gaps and with one that was not.</summary>
public sealed class InfillTests(TinyModelFixture tiny) : IAsyncLifetime
{
    private readonly ScratchFolder _scratch = new();
    private InferenceHostFixture _host = null!;

    public async ValueTask InitializeAsync()
    {
        // The tiny model's three control tokens under the names that such models give theirs.
        foreach (var source in Directory.EnumerateFiles(tiny.Folder.Path))
        {
            var target = _scratch.Path(Path.GetFileName(source));
            if (source.EndsWith(".json", StringComparison.Ordinal))
            {
                var text = await File.ReadAllTextAsync(source, Stop);
                await File.WriteAllTextAsync(
                    target,
                    text.Replace("<|endoftext|>", "<fim_prefix>", StringComparison.Ordinal)
                        .Replace("<|im_start|>", "<fim_suffix>", StringComparison.Ordinal)
                        .Replace("<|im_end|>", "<fim_middle>", StringComparison.Ordinal),
                    Stop);
            }
            else
            {
                File.Copy(source, target);
            }
        }

        var options = new InferenceHostOptions(_scratch.Root, "tiny") { Urls = "http://127.0.0.1:0" };
        _host = await InferenceHostFixture.StartAsync(ModelLoading.CreateLoader(options, TimeProvider.System), options);
    }

    [Fact]
    public async Task Suffix_TaughtModel_IsPutAfterThePromptAndTextStaysText()
    {
        var tokenizer = Tokenizer.Load(_scratch.Root);
        int[] expected =
        [
            tokenizer.TokenId("<fim_prefix>")!.Value, .. tokenizer.Encode("the <fim_middle> of", false),
            tokenizer.TokenId("<fim_suffix>")!.Value, .. tokenizer.Encode(" the end", false),
            tokenizer.TokenId("<fim_middle>")!.Value,
        ];

        var (status, body) = await _host.PostAsync(
            "/v1/completions",
            """{"prompt":"the <fim_middle> of","suffix":" the end","temperature":0,"max_tokens":5,"return_token_ids":true}""");

        Assert.True(status == 200, body);
        Assert.Equal(expected, JsonNode.Parse(body)!["choices"]![0]!["prompt_token_ids"]!.AsArray().Select(static id => (int)id!));
    }

    [Theory]
    [InlineData("""{"prompt":[5,6],"suffix":"x"}""", "suffix needs a prompt of text")]
    [InlineData("""{"prompt":"a","suffix":"x","echo":true}""", "suffix and echo cannot both be given")]
    public async Task Suffix_WithWhatItDoesNotGoWith_IsRefused(string ask, string said)
    {
        var (status, body) = await _host.PostAsync("/v1/completions", ask);

        Assert.Equal((400, "suffix"), (status, (string?)JsonNode.Parse(body)!["error"]!["param"]));
        Assert.Contains(said, body, StringComparison.Ordinal);
    }

    [Fact]
    public void EncodeInfill_UntaughtModel_IsNone() => Assert.Null(
        new TokenizerText(Tokenizer.Load(tiny.Folder.Path), null, TimeProvider.System).EncodeInfill("a", "b", false));

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _scratch.Dispose();
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;
}
