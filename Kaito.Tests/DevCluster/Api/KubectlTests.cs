using System.Diagnostics;
using Kaito.DevCluster;
using Kaito.DevCluster.Api;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Kaito.Tests.DevCluster.Api;

/// <summary>The real kubectl against the real server on a loopback socket.</summary>
public sealed class KubectlTests : IAsyncLifetime
{
    private const string WidgetDefinition =
        """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: widgets.demo.kaito.sh}
        spec:
          group: demo.kaito.sh
          scope: Namespaced
          names: {kind: Widget, plural: widgets, shortNames: [wd]}
          versions:
          - name: v1
            served: true
            storage: true
            subresources: {status: {}, scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}}
            additionalPrinterColumns:
            - {name: Color, type: string, jsonPath: .spec.color}
            - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
            schema:
              openAPIV3Schema:
                type: object
                properties:
                  spec:
                    type: object
                    required: [color]
                    properties:
                      color: {type: string, enum: [red, blue], description: The paint.}
                      size: {type: integer, minimum: 1, default: 2}
                  status: {type: object, x-kubernetes-preserve-unknown-fields: true}
        """;

    private const string Deployment =
        """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          replicas: 1
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec:
              containers:
              - name: c
                image: i
                env: [{name: A, value: "1"}, {name: B, value: "2"}]
        """;

    private readonly string _state = Path.Combine(Path.GetTempPath(), $"kaito-kubectl-{Path.GetRandomFileName()}");
    private readonly WebApplication _app;

    public KubectlTests() => _app = DevClusterApp.Build(["--state-dir", _state, "--listen", "https://127.0.0.1:0"]);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Kubeconfig => _app.Services.GetRequiredService<KubeconfigFile>().Path;

    public async ValueTask InitializeAsync() => await DevClusterApp.StartAsync(_app, Token);

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        Directory.Delete(_state, recursive: true);
    }

    [Fact]
    public async Task Apply_Deployment_MergesListsByKeyAndKeepsWhatOthersSet()
    {
        await KubectlAsync("apply -f -", Deployment);
        await KubectlAsync("set env deployment/web C=3");
        await KubectlAsync("apply -f -", Deployment.Replace("{name: A, value: \"1\"}, ", "", StringComparison.Ordinal));

        var env = await KubectlAsync("get deploy web -o jsonpath={.spec.template.spec.containers[0].env[*].name}");

        Assert.Equal(["B", "C"], env.Split(' ').Order());
        Assert.Contains("0/1", await KubectlAsync("get deploy web"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ApplyServerSide_FieldOfAnotherManager_ConflictsUnlessForced()
    {
        await KubectlAsync("apply --server-side --field-manager=first -f -", Deployment);
        var other = Deployment.Replace("replicas: 1", "replicas: 7", StringComparison.Ordinal);

        var refused = await RunAsync("apply --server-side --field-manager=second -f -", other);
        await KubectlAsync("apply --server-side --field-manager=second --force-conflicts -f -", other);

        Assert.NotEqual(0, refused.Code);
        Assert.Contains("conflict with \"first\": .spec.replicas", refused.Error, StringComparison.Ordinal);
        Assert.Equal("7", await KubectlAsync("get deploy web -o jsonpath={.spec.replicas}"));
    }

    [Fact]
    public async Task CustomResource_FromDefinitionToDeletion_BehavesAsItsSchemaSays()
    {
        await KubectlAsync("apply -f -", WidgetDefinition);
        await KubectlAsync("wait --for condition=established crd/widgets.demo.kaito.sh --timeout=10s");
        var bad = await RunAsync("apply -f -", Widget("{color: green, size: 0}"));
        await KubectlAsync("apply -f -", Widget("{color: red}"));
        await KubectlAsync(
            "patch wd w --subresource=status --type=merge -p "
            + "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}");

        Assert.Contains("spec.color: Unsupported value: \"green\"", bad.Error, StringComparison.Ordinal);
        Assert.Contains("spec.size: Invalid value: 0", bad.Error, StringComparison.Ordinal);
        var row = (await KubectlAsync("get wd --no-headers")).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["w", "red", "True"], row);
        Assert.Equal("2", await KubectlAsync("get wd w -o jsonpath={.spec.size}"));
        Assert.Contains("The paint.", await KubectlAsync("explain widget.spec.color"), StringComparison.Ordinal);
        await KubectlAsync("scale wd w --replicas=4");
        Assert.Equal("4", await KubectlAsync("get wd w -o jsonpath={.spec.size}"));
        await KubectlAsync("delete crd widgets.demo.kaito.sh --timeout=20s");
        Assert.NotEqual(0, (await RunAsync("get widgets.demo.kaito.sh")).Code);
    }

    [Fact]
    public async Task CreateNamespace_ThenDelete_RemovesItsContent()
    {
        await KubectlAsync("create namespace shop");
        await KubectlAsync("-n shop create configmap one --from-literal=a=b");
        Assert.Equal("b", await KubectlAsync("-n shop get cm one -o jsonpath={.data.a}"));

        await KubectlAsync("delete namespace shop --timeout=20s");

        Assert.Contains("not found", (await RunAsync("get namespace shop")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Request_WithoutToken_IsUnauthorized()
    {
        var refused = await RunAsync("--token=wrong get pods");

        Assert.NotEqual(0, refused.Code);
        Assert.Contains("logged in to the server", refused.Error, StringComparison.Ordinal);
    }

    private static string Widget(string spec) =>
        $$"""
        apiVersion: demo.kaito.sh/v1
        kind: Widget
        metadata: {name: w}
        spec: {{spec}}
        """;

    private async Task<string> KubectlAsync(string arguments, string? input = null)
    {
        var (code, output, error) = await RunAsync(arguments, input);
        Assert.True(code == 0, $"kubectl {arguments}: {error}");
        return output.Trim();
    }

    private async Task<(int Code, string Output, string Error)> RunAsync(string arguments, string? input = null)
    {
        var start = new ProcessStartInfo("kubectl", arguments.Split(' '))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["KUBECONFIG"] = Kubeconfig;
        start.Environment["HOME"] = _state;
        using var process = Start(start);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        await process.StandardInput.WriteAsync(input.AsMemory(), limit.Token);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(limit.Token);
        var error = process.StandardError.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, await output, await error);
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            Assert.SkipWhen(
                Environment.GetEnvironmentVariable("KAITO_STRICT") != "1",
                $"kubectl is not on the PATH ({missing.Message}).");
            throw;
        }
    }
}
