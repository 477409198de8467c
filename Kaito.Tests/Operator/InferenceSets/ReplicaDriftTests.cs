using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Operator.InferenceSets;

namespace Kaito.Tests.Operator.InferenceSets;

public sealed class ReplicaDriftTests
{
    /// <summary>Each pool is budget, whether it drifted, whether its replica serves: <c>0ds</c> for all of it.</summary>
    [Theory]
    [InlineData("", "")]
    [InlineData("0-s 0-s", "")]
    [InlineData("0-s 0ds 0ds", "1:1")] // the first one that drifted
    [InlineData("0-- 0ds", "")] // the other must serve first
    [InlineData("0ds 0d-", "1:1")] // what does not serve loses nothing
    [InlineData("1ds 0ds", "")] // one after the other
    [InlineData("1-- 0ds", "")] // it has new nodes and does not serve yet
    [InlineData("1-s 0ds", "0:0")] // it is done
    public void Next_Pools_ChangesOneAfterTheOther(string pools, string expected)
    {
        ImmutableArray<ReplicaPool> replicas =
            [.. pools.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static (text, i) => Pool(i, text))];

        var step = ReplicaDrift.Next(replicas);

        Assert.Equal(expected, step is null ? "" : $"{step.Pool.Metadata.Name}:{step.Nodes}");
    }

    [Fact]
    public void Merge_OtherBudgets_Stay()
    {
        var pool = Pool(0, "0ds").Pool;
        pool = pool with
        {
            Spec = pool.Spec! with
            {
                Disruption = new() { Budgets = [new() { Nodes = "10%", Reasons = ["Empty"] }, .. pool.Spec.Disruption!.Budgets!.Value] },
            },
        };

        Assert.Equal(
            """{"spec":{"disruption":{"budgets":[{"nodes":"10%","reasons":["Empty"]},{"nodes":"1","reasons":["Drifted"]}]}}}""",
            ReplicaDrift.Next([new(pool, true, true)])!.Merge.ToJsonString());
    }

    private static ReplicaPool Pool(int index, string text) => new(
        new()
        {
            Metadata = new()
            {
                Name = $"{index}",
                Labels = ImmutableSortedDictionary<string, string>.Empty
                    .Add(Labels.KarpenterWorkspaceName, $"w{index}").Add(Labels.KarpenterWorkspaceNamespace, "team"),
            },
            Spec = new() { Disruption = new() { Budgets = [new() { Nodes = text[..1], Reasons = ["Drifted"] }] } },
        },
        text[1] == 'd', text[2] == 's');
}
