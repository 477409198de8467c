using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.InferenceSets;

namespace Kaito.Tests.Operator.InferenceSets;

public sealed class ReplicaLoadsTests
{
    private readonly ManualTime _clock = new(new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero));
    private readonly Dictionary<string, string?> _pages = [];
    private int _reads;

    [Theory]
    [InlineData("vllm:num_requests_running{model_name=\"a\"} 3\nvllm:num_requests_waiting{model_name=\"a\"} 2.0\nvllm:generation_tokens_total{model_name=\"a\"} 1e3", 5, 1000)]
    [InlineData("# HELP x\nvllm:num_requests_running 1 1700000000000\nvllm:num_requests_running{b=\"}\"} 1\nvllm:generation_tokens_total 0", 2, 0)]
    public void Parse_PageOfAServingPod_AddsSeriesUp(string page, double requests, double tokens) =>
        Assert.Equal(new ServingMetrics(requests, tokens), ServingMetrics.Parse(page));

    [Theory]
    [InlineData("")]
    [InlineData("vllm:num_requests_running NaN\nvllm:generation_tokens_total 5")]
    [InlineData("vllm:num_requests_running -1\nvllm:generation_tokens_total 5")]
    [InlineData("vllm:num_requests_running\nvllm:generation_tokens_total")]
    [InlineData("vllm:num_requests_running 3")]
    [InlineData("<html>not found</html>")]
    public void Parse_AnythingElse_IsNoAnswer(string page) => Assert.Null(ServingMetrics.Parse(page));

    [Fact]
    public async Task Read_SecondAnswer_TellsTheRateOfAllItsPods()
    {
        var loads = Loads("a-0", "a-1");
        (_pages["a-0"], _pages["a-1"]) = (Page(3, 100), Page(1, 0));
        Assert.Empty(await loads.ReadAsync([Replica()], Stop));

        _clock.Advance(TimeSpan.FromSeconds(20));
        (_pages["a-0"], _pages["a-1"]) = (Page(4, 300), Page(2, 100));
        var load = Assert.Single(await loads.ReadAsync([Replica()], Stop)).Value;

        Assert.Equal(new ReplicaLoad(6, 15), load);
    }

    [Fact]
    public async Task Read_SoonAgain_AsksNobody()
    {
        var loads = Loads("a-0");
        _pages["a-0"] = Page(1, 0);
        await loads.ReadAsync([Replica()], Stop);
        _clock.Advance(TimeSpan.FromSeconds(9));
        await loads.ReadAsync([Replica()], Stop);

        Assert.Equal(1, _reads);
    }

    [Fact]
    public async Task Read_PodThatStartedAgainOrIsSilent_DoesNotCount()
    {
        var loads = Loads("a-0", "a-1");
        (_pages["a-0"], _pages["a-1"]) = (Page(1, 500), Page(1, 0));
        await loads.ReadAsync([Replica()], Stop);
        _clock.Advance(TimeSpan.FromSeconds(20));
        (_pages["a-0"], _pages["a-1"]) = (Page(1, 20), null);

        Assert.Empty(await loads.ReadAsync([Replica()], Stop));
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private ReplicaLoads Loads(params string[] pods) => new(
        _ => pods.Select(static name => new Pod
        {
            Metadata = new() { Name = name, Uid = name },
            Status = new() { Conditions = [new() { Type = "Ready", Status = "True" }] },
        }),
        (pod, _) =>
        {
            _reads++;
            return Task.FromResult(_pages[pod.Metadata.Name!]);
        },
        _clock);

    private static WorkspaceResource Replica() => new() { Metadata = new() { Name = "a", Uid = "uid-a" } };

    private static string Page(int requests, int tokens) =>
        $"vllm:num_requests_running{{}} {requests}\nvllm:generation_tokens_total{{}} {tokens}\n";
}
