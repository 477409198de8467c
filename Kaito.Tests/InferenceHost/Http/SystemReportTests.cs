using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.InferenceHost.Http;

namespace Kaito.Tests.InferenceHost.Http;

public sealed class SystemReportTests
{
    [Fact]
    public void Gpus_ListingOfTheDriver_HasTheFormatsOfTheFirstRuntimes() => Assert.Equal(
        """
        {"gpu_info":[{"id":"0","name":"NVIDIA A100 80GB PCIe","load":"25.00%","temperature":"55 C","memory":{"used":"1.00 GB","total":"80.00 GB"}},{"id":"1","name":"NVIDIA A100 80GB PCIe","load":"0.00%","temperature":"31 C","memory":{"used":"0.50 GB","total":"80.00 GB"}}],"cpu_info":null}
        """,
        JsonSerializer.Serialize(
            new(
                SystemReport.Gpus(
                    """
                    0, NVIDIA A100 80GB PCIe, 25, 55, 1024, 81920
                    1, NVIDIA A100 80GB PCIe, [N/A], 31, 512, 81920

                    """),
                null),
            SystemReportJson.Default.SystemFigures));

    [Fact]
    public void Processor_FilesOfLinux_GiveLoadCoresAndMemory()
    {
        const string Memory = "MemTotal:       16777216 kB\nMemFree: 1 kB\nMemAvailable:   12582912 kB\n";
        const string Processors = """
            processor : 0
            physical id : 0
            core id : 0

            processor : 1
            physical id : 0
            core id : 0

            processor : 2
            physical id : 0
            core id : 1
            """;
        var report = new SystemReport(TimeProvider.System);

        var first = report.Processor("cpu  20 0 0 70 10 0 0 0 0 0\ncpu0 1 2 3", Memory, Processors);
        var second = report.Processor("cpu  50 0 20 110 20 0 0 0 0 0\n", Memory, Processors);

        Assert.Equal((20.0, 2), (first.LoadPercentage, first.PhysicalCores));
        Assert.Equal(50.0, second.LoadPercentage);
        Assert.Equal(new("4.00 GB", "16.00 GB"), first.Memory);
        Assert.Equal(Environment.ProcessorCount, first.TotalCores);
    }

    [Fact]
    public void Processor_NoSuchFiles_StillAnswers() =>
        Assert.Equal(0, new SystemReport(TimeProvider.System).Processor("", "", "").LoadPercentage);

    [Theory]
    [InlineData("application/json", "application/json")]
    [InlineData("text/plain", "text/plain")]
    [InlineData("application/json, text/plain", "text/plain")]
    [InlineData(null, "text/plain")]
    public async Task Metrics_OnlyJsonIsAccepted_AreOfTheMachine(string? accept, string expected)
    {
        using var engine = new ScriptedEngine();
        await using var host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(engine));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        foreach (var type in accept?.Split(", ") ?? [])
        {
            request.Headers.Accept.Add(MediaTypeWithQualityHeaderValue.Parse(type));
        }

        using var answer = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var body = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        Assert.Equal(expected, answer.Content.Headers.ContentType!.MediaType);
        if (expected == "application/json")
        {
            var figures = JsonNode.Parse(body)!.AsObject();
            Assert.Equal(["gpu_info", "cpu_info"], figures.Select(static member => member.Key));
            Assert.Single(figures, static member => member.Value is not null);
        }
    }
}
