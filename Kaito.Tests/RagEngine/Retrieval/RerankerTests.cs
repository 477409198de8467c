using System.Text.Json.Nodes;
using Kaito.Embeddings;
using Kaito.RagEngine.Embedding;
using Kaito.RagEngine.Retrieval;
using Kaito.Tests.InferenceHost.Embeddings;
using Kaito.Tokenization;

namespace Kaito.Tests.RagEngine.Retrieval;

/// <summary>Cross-encoders: their scores, and what they do to the order.</summary>
public sealed class RerankerTests(BertFixture bert)
{
    private const string Question = "what is the capital of france";

    private static readonly string[] s_passages =
    [
        "paris is the capital of france", "the capital of germany is berlin", "bread is baked in an oven",
        "the rhine flows through cologne", "france and its capital paris in words that never end " + new string('x', 2000),
        "what about the capital",
    ];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Score_Pairs_AreWhatTheHeadMakesOfTheFirstToken(int labels)
    {
        var judge = new TinyJudge(bert, $"judge-{labels}", labels, oneType: true);
        using var encoder = CrossEncoder.Load(new(judge.Folder, "nowhere", 10), TimeProvider.System);

        var scores = await encoder.ScoreAsync(Question, s_passages[..4], Cancelled);

        // The encoder alone is held to what transformers computes by its own tests.
        using var vectors = new EncoderSession(
            EncoderFolder.Read(bert.Folder) with { Pooling = Pooling.FirstToken }, threads: 1);
        var tokenizer = Tokenizer.Load(bert.Folder);
        for (var i = 0; i < scores.Length; i++)
        {
            var (question, passage) = (tokenizer.Encode(Question, true), tokenizer.Encode(s_passages[i], true));
            var logits = judge.Logits(vectors.Embed([[.. question, .. passage[1..]]])[0]);
            var expected = labels == 1
                ? 1 / (1 + Math.Exp(-logits[0]))
                : Math.Exp(logits[1]) / (Math.Exp(logits[0]) + Math.Exp(logits[1]));
            Assert.Equal(expected, scores[i], 4);
        }

        Assert.Equal(4, scores.Distinct().Count());
    }

    [Fact]
    public async Task Score_SecondText_IsOfItsOwnType()
    {
        var same = new TinyJudge(bert, "judge-same", 1, oneType: true);
        var apart = new TinyJudge(bert, "judge-apart", 1, oneType: false);
        using var one = CrossEncoder.Load(new(same.Folder, "nowhere", 10), TimeProvider.System);
        using var two = CrossEncoder.Load(new(apart.Folder, "nowhere", 10), TimeProvider.System);

        Assert.NotEqual(
            (await one.ScoreAsync(Question, s_passages, Cancelled))[0],
            (await two.ScoreAsync(Question, s_passages, Cancelled))[0], 1e-4);
    }

    [Fact]
    public async Task Retrieve_Reranked_HasTheModelsScoresAndOrder()
    {
        var judge = new TinyJudge(bert, "judge-order", 1, oneType: false);
        await using var plain = await RagFixture.StartAsync();
        await using var rag = await RagFixture.StartAsync(
            options => options with { Reranking = new(judge.Folder, "nowhere", 4) });
        var before = await RetrieveAsync(plain);
        using var encoder = CrossEncoder.Load(new(judge.Folder, "nowhere", 4), TimeProvider.System);
        string[] read = [.. before.Take(4).Select(static r => (string)r["text"]!)];
        var scores = await encoder.ScoreAsync(Question, read, Cancelled);

        var after = await RetrieveAsync(rag);

        Assert.Equal(
            read.Zip(scores).OrderByDescending(static r => r.Second).Select(static r => r.First),
            after.Take(4).Select(static r => (string)r["text"]!));
        Assert.Equal(scores.OrderDescending(), after.Take(4).Select(static r => (double)r["score"]!), (a, b) => Math.Abs(a - b) < 1e-5);
        Assert.Equal(
            before.Skip(4).Select(static r => (string)r["text"]!), after.Skip(4).Select(static r => (string)r["text"]!));
        Assert.Equal(
            after.Select(static r => (double)r["score"]!).OrderDescending(), after.Select(static r => (double)r["score"]!));
        Assert.All(after, static r => Assert.InRange((double)r["score"]!, 0, 1));
        Assert.Equal(
            before.ToDictionary(static r => (string)r["text"]!, static r => (double?)r["dense_score"]),
            after.ToDictionary(static r => (string)r["text"]!, static r => (double?)r["dense_score"]));
    }

    [Theory]
    [InlineData("nowhere/at-all", "RAG_RERANK_MODEL")]
    [InlineData(null, "logits")]
    public void Load_WithoutACrossEncoder_NamesTheRemedy(string? model, string expected)
    {
        var thrown = Assert.Throws<EmbeddingException>(
            () => CrossEncoder.Load(new(model ?? bert.Folder, "nowhere", 4), TimeProvider.System));

        Assert.Contains(expected, thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_ModelOfManyClasses_IsRefused()
    {
        var judge = new TinyJudge(bert, "judge-many", 5, oneType: true);

        Assert.Contains(
            "5 classes",
            Assert.Throws<EmbeddingException>(
                () => CrossEncoder.Load(new(judge.Folder, "nowhere", 4), TimeProvider.System)).Message,
            StringComparison.Ordinal);
    }

    private static async Task<JsonNode[]> RetrieveAsync(RagFixture rag)
    {
        await rag.IndexAsync("i", s_passages);
        var (status, body) = await rag.PostAsync(
            "/retrieve", new JsonObject { ["index_name"] = "i", ["query"] = Question, ["max_node_count"] = 6 });
        Assert.Equal(200, status);
        return [.. body!["results"]!.AsArray().Select(static r => r!)];
    }
}
