namespace Kaito.Tests.AppHost;

public sealed class AppHostTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Manifest_OfTheAppHost_IsTheCommittedOne()
    {
        // Beside the committed file, because the paths inside are relative to it.
        var fresh = Repository.Path($"aspire-manifest.{Environment.ProcessId}.json");
        try
        {
            var (exitCode, _, error) = await BuiltProject.RunAsync(
                "Kaito.AppHost", ["--publisher", "manifest", "--output-path", fresh], Cancelled);

            Assert.True(exitCode == 0, error);
            Assert.Equal(
                await File.ReadAllTextAsync(Repository.Path("aspire-manifest.json"), Cancelled),
                await File.ReadAllTextAsync(fresh, Cancelled));
        }
        finally
        {
            File.Delete(fresh);
        }
    }

    [Theory]
    [InlineData("--cluster", "nowhere", "--cluster 'nowhere' is unknown")]
    [InlineData("--publisher", "helm", "'--publisher manifest'")]
    [InlineData("--operation", "walk", "--operation 'walk' is unknown")]
    [InlineData("--Ports:inference", "70000", "Ports:inference is '70000'")]
    public async Task Start_WithAWrongOption_SaysWhatWouldBeRight(string option, string value, string message)
    {
        var (exitCode, _, error) = await BuiltProject.RunAsync("Kaito.AppHost", [option, value], Cancelled);

        Assert.Equal(1, exitCode);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }
}
