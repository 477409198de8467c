using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;

namespace Kaito.Tests.AspireHosting;

public sealed class ApplicationModelTests
{
    private readonly IDistributedApplicationBuilder _builder = DistributedApplication.CreateBuilder(
        new DistributedApplicationOptions { ProjectDirectory = Path.GetTempPath() });

    [Theory]
    [InlineData("1st")]
    [InlineData("a--b")]
    [InlineData("a-")]
    [InlineData("a_b")]
    [InlineData("")]
    public void AddResource_MalformedName_SaysWhatIsValid(string name)
    {
        var mistake = Assert.Throws<DistributedApplicationException>(
            () => _builder.AddExecutable(name, "true", "."));

        Assert.Contains("letters, digits and single hyphens", mistake.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AddResource_NameTakenInAnotherCase_NamesTheResource()
    {
        _builder.AddExecutable("api", "true", ".");

        var mistake = Assert.Throws<DistributedApplicationException>(() => _builder.AddExecutable("API", "true", "."));

        Assert.Contains("'API' exists already", mistake.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Build_ResourcesThatWaitForEachOther_NamesTheCircle()
    {
        var first = _builder.AddExecutable("first", "true", ".");
        var second = _builder.AddExecutable("second", "true", ".").WaitFor(first);
        first.WaitFor(second);

        var mistake = Assert.Throws<DistributedApplicationException>(() => _builder.Build());

        Assert.Contains("first -> second -> first", mistake.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_ResourceAfterACompletedOne_RunsInThatOrder()
    {
        var cancelled = TestContext.Current.CancellationToken;
        var marker = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        var first = _builder.AddExecutable("first", "/bin/sh", Path.GetTempPath(), "-c", $"echo done > {marker}");
        _builder.AddExecutable("second", "/bin/sh", Path.GetTempPath(), "-c", $"cat {marker} && rm {marker}")
            .WaitForCompletion(first);
        await using var app = _builder.Build();

        await app.StartAsync(cancelled);
        var ended = await app.ResourceNotifications.WaitForResourceAsync(
            "second", static change => change.Snapshot.ExitCode is not null, cancelled);
        await app.StopAsync(cancelled);

        Assert.Equal(0, ended.Snapshot.ExitCode);
        Assert.False(File.Exists(marker));
    }

    [Fact]
    public async Task Start_DependencyThatFails_FailsTheWaiterInsteadOfHanging()
    {
        var cancelled = TestContext.Current.CancellationToken;
        var broken = _builder.AddExecutable("broken", "/bin/sh", Path.GetTempPath(), "-c", "exit 3");
        _builder.AddExecutable("waiter", "true", Path.GetTempPath()).WaitForCompletion(broken);
        await using var app = _builder.Build();

        await app.StartAsync(cancelled);
        var failed = await app.ResourceNotifications.WaitForResourceAsync(
            "waiter",
            static change => KnownResourceStates.TerminalStates.Contains(change.Snapshot.State?.Text),
            cancelled);
        await app.StopAsync(cancelled);

        Assert.Equal(KnownResourceStates.FailedToStart, failed.Snapshot.State?.Text);
    }

    [Fact]
    public async Task Start_ProgramThatDoesNotExist_IsReported()
    {
        var cancelled = TestContext.Current.CancellationToken;
        _builder.AddExecutable("ghost", "/nowhere/ghost", Path.GetTempPath());
        await using var app = _builder.Build();

        await app.StartAsync(cancelled);
        var failed = await app.ResourceNotifications.WaitForResourceAsync(
            "ghost",
            static change => KnownResourceStates.TerminalStates.Contains(change.Snapshot.State?.Text),
            cancelled);
        await app.StopAsync(cancelled);

        Assert.NotEqual(KnownResourceStates.Finished, failed.Snapshot.State?.Text);
    }
}
