using Kaito.Benchmarks.Retrieval;

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
}
