using System.Text.Json.Nodes;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Publishing;

namespace Kaito.Tests.AspireHosting;

public sealed class ManifestWriterTests
{
    private static readonly IDistributedApplicationBuilder s_builder = DistributedApplication.CreateBuilder(
        new DistributedApplicationOptions { Args = ["--publisher", "manifest"], ProjectDirectory = Path.GetTempPath() });

    [Fact]
    public async Task Write_ReferenceToAnotherResource_BecomesAnExpression()
    {
        var api = Executable("api").WithHttpEndpoint(port: 80, targetPort: 8080).WithExternalHttpEndpoints();
        var client = Executable("client").WithEnvironment("API", api.GetEndpoint("http"));

        var manifest = await WriteAsync(api, client);

        Assert.Equal("{api.bindings.http.url}", (string?)manifest["client"]!["env"]!["API"]);
        Assert.Equal(
            """{"scheme":"http","protocol":"tcp","transport":"http","port":80,"targetPort":8080,"external":true}""",
            manifest["api"]!["bindings"]!["http"]!.ToJsonString());
    }

    [Fact]
    public async Task Write_ExcludedResource_IsLeftOut()
    {
        var manifest = await WriteAsync(Executable("kept"), Executable("hidden").ExcludeFromManifest());

        Assert.Equal(["kept"], manifest.Select(static entry => entry.Key));
    }

    [Fact]
    public async Task Write_UnknownKindOfResource_SaysSoInTheManifest()
    {
        var manifest = await WriteAsync(s_builder.CreateResourceBuilder(new Odd("odd")));

        Assert.Contains("does not support", (string?)manifest["odd"]!["error"], StringComparison.Ordinal);
    }

    private static IResourceBuilder<ExecutableResource> Executable(string name) =>
        s_builder.CreateResourceBuilder(new ExecutableResource(name, "true", Path.GetTempPath()));

    private static async Task<JsonObject> WriteAsync(params IResourceBuilder<IResource>[] resources)
    {
        var text = await ManifestWriter.WriteAsync(
            resources.Select(static builder => builder.Resource),
            s_builder.ExecutionContext,
            Path.GetTempPath(),
            TestContext.Current.CancellationToken);
        return JsonNode.Parse(text)!["resources"]!.AsObject();
    }

    private sealed class Odd(string name) : Resource(name);
}
