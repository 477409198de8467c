using Kaito.Benchmarks.Scale;
using Kaito.Core.Contracts;
using Kaito.DevCluster;
using Kaito.ModelBuilder.Tiny;

namespace Kaito.Tests.Operator.Scenarios;

/// <summary>An API server for one scenario.</summary>
/// <param name="Kubeconfig">Of an administrator.</param>
/// <param name="HasNodes">Whether the server provisions nodes and runs pods by itself.</param>
/// <param name="Stop">Ends the server.</param>
internal sealed record ScenarioServer(string Kubeconfig, bool HasNodes, Func<ValueTask> Stop) : IAsyncDisposable
{
    /// <summary>Of the operator's ServiceAccount; null where the server grants everything to everybody.</summary>
    public string? OperatorKubeconfig { get; init; }

    public ValueTask DisposeAsync() => Stop();

    /// <summary>The dev cluster; its pods are real inference hosts with the tiny model.</summary>
    public static async Task<ScenarioServer> DevClusterAsync(params string[] args)
    {
        var folder = new ScratchFolder();
        TinyModel.Write(folder.Path("tiny"));
        var app = DevClusterApp.Build(
            [
                "--state-dir", folder.Root, "--listen", "https://127.0.0.1:0",
                "--substitute-model", folder.Path("tiny"),
                $"--Images:{Images.InferenceHost}={BuiltProject.Assembly("Kaito.InferenceHost")}", .. args,
            ]);
        await DevClusterApp.StartAsync(app, TestContext.Current.CancellationToken);
        return new(folder.Path("kubeconfig"), HasNodes: true, async () =>
        {
            await app.StopAsync(CancellationToken.None);
            await app.DisposeAsync();
            folder.Dispose();
        });
    }

    /// <summary>A real kube-apiserver, controller-manager and scheduler; skips the test where there is none.</summary>
    public static async Task<ScenarioServer> ControlPlaneAsync()
    {
        Assert.SkipWhen(
            ControlPlane.Assets is null && Environment.GetEnvironmentVariable("KAITO_STRICT") != "1", ControlPlane.Missing);
        var plane = await ControlPlane.StartAsync(controllers: true, TestContext.Current.CancellationToken);
        var kubelet = new PlayedKubelet(plane.Kubeconfig);
        return new(plane.Kubeconfig, HasNodes: false, async () =>
        {
            await kubelet.DisposeAsync();
            await plane.DisposeAsync();
        })
        {
            OperatorKubeconfig = plane.OperatorKubeconfig,
        };
    }
}
