using Kaito.Embeddings;
using Kaito.InferenceHost;
using Kaito.InferenceHost.Models;

namespace Kaito.Tests.InferenceHost.Embeddings;

public sealed class EmbedderTests(BertFixture bert)
{
    [Fact]
    public async Task Dispose_JobsWaiting_AnswersThemAndRefusesMore()
    {
        var embedder = Create(mostJobs: 64);
        var answers = Enumerable.Range(1, 60).Select(length => Submit(embedder, length)).ToArray();

        embedder.Dispose();

        Assert.All(await Task.WhenAll(answers), vectors => Assert.Equal(48, Assert.Single(vectors).Length));
        Assert.False(embedder.TryEmbed([[2]], CancellationToken.None, out _));
    }

    [Fact]
    public async Task TryEmbed_Cancelled_EndsTheJobAndGoesOn()
    {
        using var embedder = Create(mostJobs: 8);
        using var gone = new CancellationTokenSource();
        await gone.CancelAsync();

        Assert.True(embedder.TryEmbed([[2, 5, 3]], gone.Token, out var cancelled));
        var after = await Submit(embedder, 5);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Assert.Single(after);
    }

    [Fact]
    public async Task TryEmbed_IdOutsideTheModel_FailsThatCallOnly()
    {
        using var embedder = Create(mostJobs: 8);

        Assert.True(embedder.TryEmbed([[2, 9999, 3]], CancellationToken.None, out var odd));

        await Assert.ThrowsAsync<EncoderException>(() => odd);
        Assert.Single(await Submit(embedder, 5));
        Assert.Null(embedder.BusyFor);
    }

    [Fact]
    public void Load_TokenizerLargerThanTheModel_RefusesToStart()
    {
        var config = File.ReadAllText(Path.Combine(bert.Folder, "config.json"))
            .Replace("\"vocab_size\": 513", "\"vocab_size\": 512", StringComparison.Ordinal);
        var options = new InferenceHostOptions(bert.With("small-table", ("config.json", config)), "bert");

        var error = Assert.Throws<ModelLoadException>(
            () => ModelLoading.CreateLoader(options, TimeProvider.System)());

        Assert.Contains("vocab_size 512", error.Message, StringComparison.Ordinal);
    }

    private static Task<float[][]> Submit(Embedder embedder, int length)
    {
        Assert.True(embedder.TryEmbed([new int[length]], CancellationToken.None, out var answer));
        return answer;
    }

    private Embedder Create(int mostJobs) => new(
        new EncoderSession(EncoderFolder.Read(bert.Folder), threads: 1),
        mostJobs,
        TimeSpan.FromSeconds(10),
        TimeProvider.System);
}
