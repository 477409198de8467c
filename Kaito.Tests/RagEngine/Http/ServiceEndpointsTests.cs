using System.Net.Http.Headers;

namespace Kaito.Tests.RagEngine.Http;

public sealed class ServiceEndpointsTests
{
    [Fact]
    public async Task Health_Running_IsHealthyWithoutDetail()
    {
        await using var rag = await RagFixture.StartAsync();

        var (status, body) = await rag.GetAsync("/health");

        Assert.Equal(200, status);
        Assert.Equal("Healthy", (string?)body!["status"]);
        Assert.True(body.AsObject().ContainsKey("detail"));
        Assert.Null(body["detail"]);
    }

    [Theory]
    [InlineData("/nothing", 404, "Not Found")]
    [InlineData("/retrieve", 405, "Method Not Allowed")]
    public async Task Get_WithoutRoute_AnswersAsFastApiDoes(string path, int status, string detail)
    {
        if (path == "/retrieve")
        {
            path = "/health";
        }

        await using var rag = await RagFixture.StartAsync();
        var (answered, body) = status == 405 ? await rag.PostAsync(path, "{}") : await rag.GetAsync(path);

        Assert.Equal((status, detail), (answered, (string?)body!["detail"]));
    }

    [Fact]
    public async Task ApiKey_Configured_IsAskedForExceptByProbes()
    {
        await using var rag = await RagFixture.StartAsync(static o => o with { ApiKeys = ["k1"] });

        Assert.Equal(200, (await rag.GetAsync("/health")).Status);
        Assert.Equal(401, (await rag.GetAsync("/indexes")).Status);
        rag.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "k1");
        Assert.NotEqual(401, (await rag.GetAsync("/indexes")).Status);
    }

    [Fact]
    public async Task Metrics_AtStart_HaveUpstreamsNamesAndFloats()
    {
        await using var rag = await RagFixture.StartAsync();

        var text = await rag.MetricsAsync();

        Assert.Contains("\nnum_requests_running 0.0\n", text, StringComparison.Ordinal);
        Assert.Contains("# TYPE rag_index_requests_total counter\n", text, StringComparison.Ordinal);
        Assert.Contains("rag_retrieve_result_count_bucket{le=\"300.0\"} 0.0\n", text, StringComparison.Ordinal);
        Assert.Contains("# TYPE guardrails_active_policy_info gauge\n", text, StringComparison.Ordinal);
    }
}
