using Kaito.Benchmarks.Retrieval;
using Kaito.Tests.RagEngine.Store.Qdrants;

namespace Kaito.Tests.RagEngine.Retrieval;

/// <summary>What <c>eng/bench ragquality</c> prints.</summary>
public sealed class QualityTests
{
    [Fact]
    public async Task Hybrid_OnTheCollection_FindsNearlyEverythingAndMoreThanEitherPart()
    {
        using var folder = new ScratchFolder();
        var collection = QualityCollection.Read();

        var recall = await QualityArea.RecallAsync(collection, folder.Root, TestContext.Current.CancellationToken);

        Assert.True(collection.Passages.Length >= 300 && collection.Questions.Length >= 100);
        Assert.True(recall.Hybrid >= 0.95, string.Join('\n', recall.Missed));
        Assert.True(recall.Hybrid >= recall.Dense && recall.Hybrid >= recall.Keywords, recall.ToString());
    }

    [Fact]
    public async Task Hybrid_OnQdrant_FindsAsMuchAsOnTheEmbeddedStore()
    {
        await using var server = await QdrantServer.StartAsync();
        await using var store = QdrantStores.On(server);

        var recall = await QualityArea.RecallAsync(QualityCollection.Read(), store, TestContext.Current.CancellationToken);

        Assert.True(recall.Hybrid >= 0.95, string.Join('\n', recall.Missed));
        Assert.True(recall.Hybrid >= recall.Dense && recall.Hybrid >= recall.Keywords, recall.ToString());
    }
}
