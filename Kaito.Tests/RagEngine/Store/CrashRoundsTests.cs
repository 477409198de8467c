using Kaito.Benchmarks.Retrieval;

namespace Kaito.Tests.RagEngine.Store;

/// <summary>A sample of <c>eng/bench ragcrash</c>.</summary>
public sealed class CrashRoundsTests
{
    [Fact]
    public async Task Kill_AtRandomInstants_LosesNothingAcknowledgedAndLeavesNoGhost()
    {
        using var folder = new ScratchFolder();

        var outcome = await CrashRounds.RunAsync(6, seed: 3, folder.Root, TestContext.Current.CancellationToken);

        Assert.Empty(outcome.Problems);
        Assert.True(outcome.Changes > 0);
    }
}
