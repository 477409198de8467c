using System.Threading.Channels;
using Kaito.RagEngine;
using Kaito.RagEngine.Guardrails;
using Kaito.RagEngine.Http;
using Kaito.RagEngine.Metrics;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaito.Tests.RagEngine.Guardrails;

/// <summary>Which policy is active, at the start and after the file changed.</summary>
public sealed class OutputGuardrailsTests : IDisposable
{
    private const string Email = "scanners:\n- type: sensitive\n  detectors: [email]\n";

    private readonly ScratchFolder _folder = new();
    private readonly RagMetrics _metrics = new(TimeProvider.System);

    private string File => _folder.Path("guardrails.yaml");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Current_Off_DoesNotOpenTheFile()
    {
        var guardrails = Start(new() { GuardrailsEnabled = false, GuardrailsPolicy = _folder.Path("missing") });

        Assert.False(guardrails.Current.Enabled);
        Assert.DoesNotContain("policy_status", _metrics.Render(), StringComparison.Ordinal);
        Assert.Contains("enabled=\"false\",scanner_count=\"0\"} 1.0", _metrics.Render(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Email, "success", 1)]
    [InlineData("a: [", "load_failed", 0)]
    [InlineData("- a", "invalid", 0)]
    [InlineData(null, "missing", 0)]
    public void Current_On_CountsHowThePolicyWasRead(string? yaml, string status, int scanners)
    {
        if (yaml is not null)
        {
            System.IO.File.WriteAllText(File, yaml);
        }

        var guardrails = Start();

        Assert.Equal((true, scanners), (guardrails.Current.Enabled, guardrails.Current.Scanners.Length));
        Assert.Contains(
            $"output_guardrails_policy_load_total{{policy_status=\"{status}\"}} 1.0", _metrics.Render(), StringComparison.Ordinal);
    }

    [Fact]
    public void Reload_GoodEdit_IsTakenAndOldReadersKeepTheirs()
    {
        System.IO.File.WriteAllText(File, Email);
        var guardrails = Start();
        var before = guardrails.Current;
        System.IO.File.WriteAllText(File, Email + "- type: secrets\n");

        Assert.Equal(PolicyReload.Success, guardrails.Reload());

        Assert.Equal((1, 2), (before.Scanners.Length, guardrails.Current.Scanners.Length));
        Assert.Contains($"sha256=\"{guardrails.Current.Hash}\",enabled=\"true\",scanner_count=\"2\"}} 1.0", _metrics.Render(), StringComparison.Ordinal);
        Assert.DoesNotContain(before.Hash, _metrics.Render(), StringComparison.Ordinal);
        Assert.Equal(PolicyReload.Noop, guardrails.Reload());
        Assert.Contains("guardrails_policy_reload_total{result=\"noop\"} 1.0", _metrics.Render(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a: [")]
    [InlineData("")]
    [InlineData("scanners: nothing")]
    [InlineData("scanners:\n- type: sensitve")]
    [InlineData(null)]
    public void Reload_BadEdit_KeepsTheLastGoodPolicy(string? yaml)
    {
        System.IO.File.WriteAllText(File, Email);
        var guardrails = Start();
        if (yaml is null)
        {
            System.IO.File.Delete(File);
        }
        else
        {
            System.IO.File.WriteAllText(File, yaml);
        }

        Assert.Equal(PolicyReload.Failure, guardrails.Reload());

        Assert.Equal("sensitive", Assert.Single(guardrails.Current.Scanners).Type);
        Assert.Contains("guardrails_policy_reload_total{result=\"failure\"} 1.0", _metrics.Render(), StringComparison.Ordinal);
        System.IO.File.WriteAllText(File, Email);
        Assert.Equal(PolicyReload.Noop, guardrails.Reload());
    }

    [Fact]
    public void Current_ScannerThatIsWrong_IsSkippedAndCounted()
    {
        System.IO.File.WriteAllText(File, Email + "- type: regex\n  patterns: ['(']\n");

        Assert.Single(Start().Current.Scanners);
        Assert.Contains(
            "output_guardrails_scanner_build_total{type=\"regex\",status=\"failure\"} 1.0", _metrics.Render(),
            StringComparison.Ordinal);
        Assert.Contains(
            "output_guardrails_scanner_build_total{type=\"sensitive\",status=\"success\"} 1.0", _metrics.Render(),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Begin_StreamsToBeRefused_AreInUpstreamsWords()
    {
        System.IO.File.WriteAllText(File, "scanners:\n- type: json\n");
        var strict = Start(Options() with { UpstreamLimits = true });

        var thrown = Assert.Throws<RagException>(() => strict.Begin(streams: true));

        Assert.Equal(400, thrown.Status);
        Assert.Contains("Unsupported scanner: json.", thrown.Message, StringComparison.Ordinal);
        Assert.IsType<PolicyGuard>(strict.Begin(streams: false));
        Assert.IsType<PolicyGuard>(Start().Begin(streams: true));
    }

    [Fact]
    public void Begin_NoScanners_LeavesAnswersAlone()
    {
        System.IO.File.WriteAllText(File, "scanners: []");

        Assert.IsType<NoGuardrails>(Start().Begin(streams: false));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/nowhere/at/all/guardrails.yaml")]
    public async Task Watch_WithoutAPolicy_EndsAndHarmsNothing(string path)
    {
        var options = Options() with { GuardrailsPolicy = path };
        using var watch = new PolicyWatch(
            Start(options), options, TimeProvider.System, NullLogger<PolicyWatch>.Instance);

        await watch.StartAsync(TestContext.Current.CancellationToken);

        await watch.ExecuteTask!.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Watch_FolderIsGone_KeepsThePolicyAndGoesOn()
    {
        Directory.CreateDirectory(_folder.Path("policy"));
        System.IO.File.WriteAllText(_folder.Path("policy", "guardrails.yaml"), Email);
        var options = Options() with { GuardrailsPolicy = _folder.Path("policy", "guardrails.yaml") };
        var guardrails = Start(options);
        using var watch = new PolicyWatch(guardrails, options, TimeProvider.System, NullLogger<PolicyWatch>.Instance);
        await watch.StartAsync(TestContext.Current.CancellationToken);

        // The first reading after the start shows that it watches.
        await UntilAsync(() => Reloaded("noop"));
        Directory.Delete(_folder.Path("policy"), recursive: true);

        await UntilAsync(() => Reloaded("failure"));
        Assert.Single(guardrails.Current.Scanners);
        Assert.False(watch.ExecuteTask!.IsFaulted);
        await watch.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Watch_Changes_AreReadOnceAfterTheDebounce()
    {
        System.IO.File.WriteAllText(File, Email);
        var guardrails = Start();
        var clock = ManualTime.AtEpoch();
        var changes = Channel.CreateBounded<bool>(
            new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var watch = new PolicyWatch(guardrails, Options(), clock, NullLogger<PolicyWatch>.Instance);
        var following = watch.FollowAsync(changes.Reader, stop.Token);

        changes.Writer.TryWrite(true);
        await UntilAsync(() => clock.Waiting == 1);
        System.IO.File.WriteAllText(File, Email + "- type: secrets\n");
        changes.Writer.TryWrite(true);
        Assert.Single(guardrails.Current.Scanners);
        clock.Advance(PolicyWatch.Debounce);
        await UntilAsync(() => guardrails.Current.Scanners.Length == 2);

        await stop.CancelAsync();
        await following;
        Assert.DoesNotContain("result=\"noop\"", _metrics.Render(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Watch_FileIsReplacedByALink_IsSeen()
    {
        // A mounted ConfigMap: the file is a link through ..data, which comes to point at the new folder.
        Directory.CreateDirectory(_folder.Path("v1"));
        Directory.CreateDirectory(_folder.Path("v2"));
        System.IO.File.WriteAllText(_folder.Path("v1", "guardrails.yaml"), Email);
        System.IO.File.WriteAllText(_folder.Path("v2", "guardrails.yaml"), Email + "- type: secrets\n");
        Directory.CreateSymbolicLink(_folder.Path("..data"), "v1");
        System.IO.File.CreateSymbolicLink(File, "..data/guardrails.yaml");
        var guardrails = Start();
        using var watch = new PolicyWatch(guardrails, Options(), TimeProvider.System, NullLogger<PolicyWatch>.Instance);
        await watch.StartAsync(TestContext.Current.CancellationToken);

        Directory.Delete(_folder.Path("..data"));
        Directory.CreateSymbolicLink(_folder.Path("..data"), "v2");

        await UntilAsync(() => guardrails.Current.Scanners.Length == 2);
        await watch.StopAsync(TestContext.Current.CancellationToken);
    }

    private bool Reloaded(string result) => _metrics.Render().Contains(
        $"guardrails_policy_reload_total{{result=\"{result}\"}}", StringComparison.Ordinal);

    private static Task UntilAsync(Func<bool> met) => Eventually.TrueAsync(
        () => Task.FromResult(met()), TimeSpan.FromSeconds(60), static () => "the reload", TestContext.Current.CancellationToken);

    private RagEngineOptions Options() => new() { GuardrailsEnabled = true, GuardrailsPolicy = File };

    private OutputGuardrails Start(RagEngineOptions? options = null) =>
        new(
            options ?? Options(),
            _metrics,
            new(_metrics, NullLogger<Verdicts>.Instance),
            TimeProvider.System,
            NullLogger<OutputGuardrails>.Instance);
}
