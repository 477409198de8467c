using System.Numerics.Tensors;
using Kaito.RagEngine.Store.Embedded;

namespace Kaito.Tests.RagEngine.Store;

public sealed class VectorTableTests
{
    private const int Width = 16;

    [Fact]
    public void Search_AfterRandomChanges_EqualsASortOfEverything()
    {
        var random = new Random(7);
        using var table = new VectorTable(Width);
        var truth = new Dictionary<long, float[]>();
        for (var step = 0L; step < 3000; step++)
        {
            if (truth.Count > 0 && random.Next(3) == 0)
            {
                var gone = truth.Keys.ElementAt(random.Next(truth.Count));
                truth.Remove(gone);
                table.Change([], [gone]);
                continue;
            }

            var vector = Vector(random);
            truth.Add(step, vector);
            table.Change([(step, vector)], []);
        }

        var query = Vector(random);
        foreach (var count in new[] { 1, 10, 5000 })
        {
            Assert.Equal(
                Sorted(truth, query).Take(count), table.Search(query, count, null, CancellationToken.None).Select(r => r.Id));
        }

        var some = truth.Keys.Where(static id => id % 5 == 0).ToHashSet();
        Assert.Equal(
            Sorted(truth, query).Where(some.Contains).Take(7),
            table.Search(query, 7, some, CancellationToken.None).Select(r => r.Id));
        Assert.Equal(truth.Count, table.Count);
    }

    [Fact]
    public void Search_LargeTable_SplitsTheWorkWithTheSameResult()
    {
        var random = new Random(8);
        using var table = new VectorTable(Width);
        var truth = new Dictionary<long, float[]>();
        for (var id = 0L; id < 20_000; id++)
        {
            truth.Add(id, Vector(random));
            table.Load(id, truth[id]);
        }

        var query = Vector(random);
        Assert.Equal(Sorted(truth, query).Take(25), table.Search(query, 25, null, CancellationToken.None).Select(r => r.Id));
    }

    [Fact]
    public void Score_UnknownId_IsNull()
    {
        using var table = new VectorTable(2);
        table.Load(1, [3, 4]);

        Assert.Equal(25, table.Score(1, [3, 4]));
        Assert.Null(table.Score(2, [3, 4]));
        Assert.Equal([3, 4], table.Copy(1));
        Assert.Empty(table.Copy(2));
    }

    private static IEnumerable<long> Sorted(Dictionary<long, float[]> vectors, float[] query) => vectors
        .OrderByDescending(v => TensorPrimitives.Dot(query, v.Value)).ThenBy(static v => v.Key).Select(static v => v.Key);

    private static float[] Vector(Random random) => [.. Enumerable.Range(0, Width).Select(_ => random.NextSingle() - 0.5f)];
}
