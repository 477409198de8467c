using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.Tests.DevCluster.Api;

public sealed class ApiRequestTests(ApiServer server) : IClassFixture<ApiServer>
{
    private const string Maps = "/api/v1/namespaces/default/configmaps";
    private const string CoreEvents = "/api/v1/namespaces/default/events";
    private const string NewEvents = "/apis/events.k8s.io/v1/namespaces/default/events";

    [Fact]
    public async Task List_WithALimit_GivesPagesOfOneVersion()
    {
        foreach (var name in (string[])["p1", "p2", "p3", "p4", "p5"])
        {
            await server.JsonAsync("POST", Maps, $$"""{"metadata":{"name":"{{name}}","labels":{"set":"pages"} } }""");
        }

        const string Query = $"{Maps}?labelSelector=set%3Dpages&limit=2";
        var first = await server.JsonAsync("GET", Query);
        await server.JsonAsync("DELETE", $"{Maps}/p3");
        var second = await server.JsonAsync("GET", $"{Query}&continue={Token(first)}");
        var third = await server.JsonAsync("GET", $"{Query}&continue={Token(second)}");

        Assert.Equal(["p1", "p2"], Names(first));
        Assert.Equal(3, first.Number("metadata", "remainingItemCount"));
        Assert.Equal(["p4", "p5"], Names(second));
        Assert.Equal(first.Text("metadata", "resourceVersion"), second.Text("metadata", "resourceVersion"));
        Assert.Equal("", Token(second));
        Assert.NotEmpty(Names(third));
    }

    [Fact]
    public async Task Events_OfBothGroups_AreOneStore()
    {
        await server.JsonAsync("POST", NewEvents,
            """
            {"metadata":{"name":"one"},"regarding":{"kind":"Pod","name":"p"},"note":"hello","reason":"Said","type":"Normal",
             "reportingController":"test","eventTime":"2026-01-01T00:00:00.000000Z"}
            """);
        var core = await server.JsonAsync("GET", $"{CoreEvents}/one");
        await server.JsonAsync("PUT", $"{CoreEvents}/one", core.ToJsonString().Replace("hello", "bye", StringComparison.Ordinal));
        var shown = await server.JsonAsync("GET", $"{NewEvents}/one");

        Assert.Equal(("v1", "hello", "p", "test"),
            (core.Text("apiVersion"), core.Text("message"), core.Text("involvedObject", "name"), core.Text("reportingComponent")));
        Assert.Equal(("events.k8s.io/v1", "bye", "p"),
            (shown.Text("apiVersion"), shown.Text("note"), shown.Text("regarding", "name")));
        Assert.Null(shown["message"]);
    }

    [Theory]
    [InlineData("Strict", 400, false)]
    [InlineData("Warn", 201, true)]
    [InlineData("", 201, true)]
    [InlineData("Ignore", 201, false)]
    [InlineData("Sometimes", 400, false)]
    public async Task Create_UnknownMember_IsTreatedAsAsked(string mode, int expected, bool warns)
    {
        var (status, text, headers) = await server.SendAsync(
            "POST", $"{Maps}?dryRun=All&fieldValidation={mode}",
            """{"metadata":{"name":"odd","labelz":{}},"dota":{"a":"b"}}""");

        Assert.Equal(expected, status);
        Assert.Equal(warns, headers.TryGetValues("Warning", out var warnings));
        if (warns)
        {
            Assert.Equal(
                ["299 - \"unknown field \\\"metadata.labelz\\\"\"", "299 - \"unknown field \\\"dota\\\"\""], warnings);
        }

        Assert.False(status == 201 && ((JsonObject)JsonNode.Parse(text)!).ContainsKey("dota"));
    }

    [Theory]
    [InlineData("kubectl/v1.26.9 (linux/amd64) kubernetes/abc", true)]
    [InlineData("kubectl/v1.20.2 (linux/amd64) kubernetes/abc", true)]
    [InlineData("kubectl/v1.27.0 (linux/amd64) kubernetes/abc", false)]
    [InlineData("kubectl/v1.32.4 (linux/amd64) kubernetes/abc", false)]
    [InlineData("curl/8.0", false)]
    public async Task Get_FromAnOldKubectl_WarnsAndNamesTheRemedy(string agent, bool warns)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Maps);
        request.Headers.TryAddWithoutValidation("User-Agent", agent);

        using var answer = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.True(answer.IsSuccessStatusCode);
        Assert.Equal(warns, answer.Headers.TryGetValues("Warning", out var warnings));
        Assert.True(!warns || warnings!.Single().Contains("needs 1.27 or newer", StringComparison.Ordinal));
    }

    private static string Token(JsonObject list) => list.Text("metadata", "continue") ?? "";

    private static IEnumerable<string> Names(JsonObject list) => list.Objects("items").Select(static item => item.Name);
}
