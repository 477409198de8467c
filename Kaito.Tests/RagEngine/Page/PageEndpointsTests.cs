using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Kaito.Tests.RagEngine.Page;

public sealed class PageEndpointsTests
{
    [Fact]
    public async Task Page_LoadsNothingFromElsewhere()
    {
        await using var rag = await RagFixture.StartAsync();

        using var response = await rag.Http.GetAsync("/", TestContext.Current.CancellationToken);
        var page = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        var script = await rag.Http.GetStringAsync("/page.js", TestContext.Current.CancellationToken);

        Assert.Contains("default-src 'none'", response.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.DoesNotContain("http", page + script, StringComparison.Ordinal);
        Assert.DoesNotContain("innerHTML", script, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OpenApi_DescribesEveryRouteByItsOperationId()
    {
        await using var rag = await RagFixture.StartAsync();
        var document = (await rag.GetAsync("/openapi.json")).Body!;
        var described = document["paths"]!.AsObject()
            .SelectMany(static path => path.Value!.AsObject().Select(op => (string)op.Value!["operationId"]!)).Order();

        var served = rag.App.Services.GetRequiredService<EndpointDataSource>().Endpoints
            .Select(static endpoint => endpoint.Metadata.GetMetadata<EndpointNameMetadata>()?.EndpointName)
            .OfType<string>().Where(static name => name != "mcp").Order();

        Assert.Equal("KAITO RAG Engine", (string?)document["info"]!["title"]);
        Assert.Equal(served, described);
    }

    [Fact]
    public async Task OpenApi_References_AreDefined()
    {
        await using var rag = await RagFixture.StartAsync();
        var document = (await rag.GetAsync("/openapi.json")).Body!;
        var defined = document["components"]!["schemas"]!.AsObject().Select(static s => $"#/components/schemas/{s.Key}").ToHashSet();

        Assert.All(References(document), reference => Assert.Contains(reference, defined));
    }

    private static IEnumerable<string> References(JsonNode? node) => node switch
    {
        JsonObject members => members.SelectMany(static m =>
            m.Key == "$ref" ? [(string)m.Value!] : References(m.Value)),
        JsonArray items => items.SelectMany(References),
        _ => [],
    };
}
