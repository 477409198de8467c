using System.Net;
using System.Net.Sockets;
using Kaito.Operator;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kaito.Tests.Operator;

/// <summary>Starts that cannot succeed: one line, an exit code, an end.</summary>
public sealed class OperatorAppTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(null, "does not exist; name an existing file with --kubeconfig")]
    [InlineData("", "is empty or not a mapping")]
    [InlineData("{ not: [yaml", "is not valid YAML at line ")]
    [InlineData("current-context: gone", "has no context named 'gone'; it has: none")]
    public async Task RunAsync_KubeconfigUnusable_NamesTheFileAndEnds(string? text, string expected)
    {
        var path = _folder.Path("config");
        if (text is not null)
        {
            await File.WriteAllTextAsync(path, text, Stop);
        }

        var (code, line) = await RunAsync("--kubeconfig", path);

        Assert.Equal(2, code);
        Assert.Contains($"'{path}'", line, StringComparison.Ordinal);
        Assert.Contains(expected, line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_UnknownFlag_NamesIt()
    {
        var (code, line) = await RunAsync("--kubeconfg", "x");

        Assert.Equal(2, code);
        Assert.StartsWith("kaito-operator: --kubeconfg is unknown; the flags are ", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_NobodyListensAtTheServer_EndsAfterTheTimeout()
    {
        var config = Kubeconfig($"http://127.0.0.1:{UnusedPort()}");

        var (code, line) = await RunAsync("--kubeconfig", config, "--start-timeout", "1");

        Assert.Equal(1, code);
        Assert.StartsWith("kaito-operator: The API server http://127.0.0.1:", line, StringComparison.Ordinal);
        Assert.Contains(
            $"(context 'one' of the kubeconfig '{config}') cannot be reached", line, StringComparison.Ordinal);
        Assert.Contains("name the kubeconfig of another with --kubeconfig FILE", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(404, "nothing here", "answers, but not as a Kubernetes API server: correct the server's address")]
    [InlineData(200, "<html>", "answers, but not as a Kubernetes API server")]
    [InlineData(200, "[]", "answers, but not as a Kubernetes API server")]
    [InlineData(
        401, """{"kind":"Status","message":"Unauthorized","reason":"Unauthorized","code":401}""",
        "refuses the credentials: Unauthorized Renew them, or name another --kubeconfig.")]
    public async Task RunAsync_ServerIsNotTheRightOne_SaysWhatItIs(int status, string body, string expected)
    {
        await using var server = await ServeAsync(context =>
        {
            context.Response.StatusCode = status;
            return context.Response.WriteAsync(body, Stop);
        });

        var (code, line) = await RunAsync("--kubeconfig", Kubeconfig(server.Urls.First()));

        Assert.Equal(1, code);
        Assert.Contains(expected, line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_ClusterWithoutCrds_NamesTheCrdAndTheRemedy()
    {
        await using var server = await ServeAsync(static context =>
        {
            context.Response.StatusCode = context.Request.Path == "/version" ? 200 : 404;
            return context.Response.WriteAsync("""{"gitVersion":"v1.32.0"}""", Stop);
        });

        var (code, line) = await RunAsync("--kubeconfig", Kubeconfig(server.Urls.First()), "--start-timeout", "1");

        Assert.Equal(1, code);
        Assert.Contains(
            "The cluster has no CRD workspaces.kaito.sh: apply deploy/crds, or start with --install-crds.", line,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_PortInUse_NamesFlagAddressAndRemedy()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var address = $"http://127.0.0.1:{((IPEndPoint)other.LocalEndpoint).Port}";
        var config = Kubeconfig("http://127.0.0.1:1");

        var (code, line) = await RunWithAsync(["--kubeconfig", config, "--listen", address]);

        Assert.Equal(1, code);
        Assert.StartsWith("kaito-operator: --listen: ", line, StringComparison.Ordinal);
        Assert.Contains(address, line, StringComparison.Ordinal);
        Assert.Contains("choose another, e.g. --listen http://127.0.0.1:0", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Program_KubeconfigMissing_PrintsOneLineAndNoStackTrace()
    {
        var (code, output, error) = await BuiltProject.RunAsync(
            "Kaito.Operator", ["--kubeconfig", _folder.Path("nowhere")], Stop);

        Assert.Equal(2, code);
        Assert.Single(error.Trim().Split('\n'));
        Assert.DoesNotContain("   at ", output + error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Program_PortInUse_PrintsOneLineAndNoStackTrace()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var address = $"http://127.0.0.1:{((IPEndPoint)other.LocalEndpoint).Port}";

        var (code, output, error) = await BuiltProject.RunAsync(
            "Kaito.Operator", ["--kubeconfig", Kubeconfig("http://127.0.0.1:1"), "--listen", address], Stop);

        Assert.Equal(1, code);
        Assert.Single(error.Trim().Split('\n'));
        Assert.DoesNotContain("   at ", output + error, StringComparison.Ordinal);
    }

    private static Task<(int Code, string Line)> RunAsync(params string[] args) =>
        RunWithAsync([.. args, "--listen", "http://127.0.0.1:0"]);

    private static async Task<(int Code, string Line)> RunWithAsync(string[] args)
    {
        await using var errors = new StringWriter();
        var code = await OperatorApp.RunAsync(args, static _ => null, errors, Stop);
        return (code, Assert.Single(errors.ToString().TrimEnd().Split('\n')));
    }

    private static int UnusedPort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private static async Task<WebApplication> ServeAsync(RequestDelegate answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var server = builder.Build();
        server.Run(answer);
        await server.StartAsync(Stop);
        return server;
    }

    private string Kubeconfig(string server)
    {
        var path = _folder.Path("config");
        File.WriteAllText(path, $"""
            current-context: one
            contexts: [ @ name: one, context: @ cluster: here, user: me # # ]
            clusters: [ @ name: here, cluster: @ server: '{server}' # # ]
            users: [ @ name: me, user: @ token: t # # ]
            """.Replace('@', '{').Replace('#', '}'));
        return path;
    }
}
