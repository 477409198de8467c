using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Running;

namespace Kaito.Tests.AspireHosting;

public sealed class ContainerRuntimeTests
{
    private readonly IDistributedApplicationBuilder _builder = DistributedApplication.CreateBuilder(
        new DistributedApplicationOptions { ProjectDirectory = Path.GetTempPath() });

    [Fact]
    public void Spec_OfQdrant_PublishesPortsOnLoopbackAndHidesValues()
    {
        using var folder = new ScratchFolder();
        File.WriteAllText(folder.Path("podman"), "");
        var qdrant = _builder.AddQdrant("vectors", grpcPort: 7001, httpPort: 7002).WithDataVolume("kept").Resource;
        foreach (var endpoint in qdrant.Annotations.OfType<EndpointAnnotation>())
        {
            endpoint.AllocatedEndpoint = new(endpoint, "127.0.0.1", endpoint.Port!.Value);
        }

        var spec = ContainerRuntime.Spec(
            qdrant, ["--extra"], new Dictionary<string, string> { ["KEY"] = "secret" },
            name => name == "PATH" ? folder.Root : null);

        Assert.Equal(folder.Path("podman"), spec.Command);
        Assert.Equal(
            $"run --rm --name vectors-{Environment.ProcessId} -p 127.0.0.1:7001:6334 -p 127.0.0.1:7002:6333 "
            + "-v kept:/qdrant/storage -e KEY docker.io/qdrant/qdrant:v1.18.0 --extra",
            string.Join(' ', spec.Args));
        Assert.Equal("secret", spec.Environment["KEY"]);
    }

    [Theory]
    [InlineData(null, "no docker or podman on the PATH")]
    [InlineData("nerdctl", "no nerdctl on the PATH")]
    public void Spec_WithoutARuntime_SaysSo(string? chosen, string said)
    {
        var mistake = Assert.Throws<DistributedApplicationException>(() => ContainerRuntime.Spec(
            WithoutEndpoints(), [], new Dictionary<string, string>(),
            name => name == "ASPIRE_CONTAINER_RUNTIME" ? chosen : "/nowhere"));

        Assert.Contains(said, mistake.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Key_OfQdrant_IsRandomOnceOrGiven()
    {
        var made = _builder.AddQdrant("one").Resource.ApiKeyParameter;
        var key = await made.GetValueAsync(TestContext.Current.CancellationToken);
        Assert.Matches("^[A-Za-z0-9]{22}$", key);
        Assert.Equal(key, await made.GetValueAsync(TestContext.Current.CancellationToken));

        _builder.Configuration["Parameters:two-Key"] = "given";
        var given = _builder.AddQdrant("two").Resource.ApiKeyParameter;
        Assert.Equal("given", await given.GetValueAsync(TestContext.Current.CancellationToken));
    }

    private ContainerResource WithoutEndpoints() => _builder.AddResource(new ContainerResource("bare"))
        .WithAnnotation(new ContainerImageAnnotation { Image = "bare" }).Resource;
}
