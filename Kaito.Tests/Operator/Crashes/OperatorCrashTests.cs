using Kaito.Benchmarks.Crashes;
using Kaito.Core.Contracts;
using Kaito.DevCluster;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;
using Kaito.ModelBuilder.Tiny;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Kaito.Tests.Operator.Crashes;

/// <summary>The operator may die at any moment: the next one carries on to the same end.</summary>
[Collection("local run")]
public sealed class OperatorCrashTests : IAsyncLifetime
{
    private const string Sample = "samples/inference/phi-3.5-mini-instruct.yaml";
    private const string Workspace = "workspace-phi-3-5-mini";
    private static readonly string[] s_changed =
    [
        "PATCH /apis/karpenter.sh/v1/nodeclaims/",
        "/configmaps/",
        "/services/",
        "PATCH /apis/apps/v1/namespaces/default/statefulsets/",
        "/status",
        "DELETE /apis/apps/v1/namespaces/default/statefulsets/",
        "DELETE /apis/karpenter.sh/v1/nodeclaims/",
    ];

    // A dozen processes start one after another, on a machine that may be busy.
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);
    private static readonly GroupResource s_workspaces = GroupResource.Parse("workspaces.kaito.sh");
    private readonly ScratchFolder _folder = new();
    private readonly WebApplication _cluster;
    private readonly CrashingOperator _operator;
    private readonly IClusterStore _store;
    private readonly ResourceCatalog _catalog;

    public OperatorCrashTests()
    {
        TinyModel.Write(_folder.Path("tiny"));
        _cluster = DevClusterApp.Build(
            [
                "--state-dir", _folder.Root, "--listen", "https://127.0.0.1:0",
                "--substitute-model", _folder.Path("tiny"),
                $"--Images:{Images.InferenceHost}={BuiltProject.Assembly("Kaito.InferenceHost")}",
            ]);
        _store = _cluster.Services.GetRequiredService<IClusterStore>();
        _catalog = _cluster.Services.GetRequiredService<ResourceCatalog>();
        _operator = new(_cluster, _folder.Path("kubeconfig"));
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await DevClusterApp.StartAsync(_cluster, Cancelled);

    [Fact]
    public async Task Kill_AfterAnyChangeFromApplyToDelete_EndsAsWithoutKills()
    {
        await _operator.RestartAsync();
        await UntilAsync(() => _catalog.Find(s_workspaces) is not null, "the CRDs are there");
        await QuietAsync();
        var empty = Picture();
        await ApplyAsync();
        await QuietAsync();
        var served = Picture();
        Delete();
        await ShowsAsync(empty);

        // First every change is the last of its process, then every second.
        foreach (var changes in new[] { 1, 2 })
        {
            _operator.ChangesPerLife = changes;
            await _operator.RestartAsync();
            await ApplyAsync();
            await ShowsAsync(served);
            Delete();
            await ShowsAsync(empty);
        }

        Assert.InRange(_operator.Moments.Length, 12, 40);
        Assert.All(s_changed, change => Assert.Contains(
            _operator.Moments, moment => moment.Contains(change, StringComparison.Ordinal)));
    }

    public async ValueTask DisposeAsync()
    {
        await _operator.DisposeAsync();
        await _cluster.StopAsync(CancellationToken.None);
        await _cluster.DisposeAsync();
        _folder.Dispose();
    }

    // As a process that has found nothing left to do says it.
    private async Task ApplyAsync()
    {
        var manifest = await File.ReadAllTextAsync(Repository.Path(Sample), Cancelled);
        _store.Create(s_workspaces, "default", Yaml.ToJson(manifest)!.AsObject());
        await UntilAsync(
            () => _operator.Output.Contains($"{Workspace} is Ready", StringComparison.Ordinal),
            "the Workspace is ready");
    }

    private void Delete() => _store.Delete(new(s_workspaces, "default", Workspace), DeleteRequest.Default);

    private string[] Picture() => ClusterPicture.Of(_store, _catalog);

    private Task ShowsAsync(string[] expected) => UntilAsync(
        () => Picture().SequenceEqual(expected),
        () => $"Missing:\n{string.Join('\n', expected.Except(Picture()))}\n"
            + $"Too much:\n{string.Join('\n', Picture().Except(expected))}");

    private Task QuietAsync()
    {
        var (seen, looks) = (0L, 0);
        return UntilAsync(Quiet, () => "the cluster does not come to rest");

        bool Quiet()
        {
            looks = _store.ResourceVersion == seen ? looks + 1 : 0;
            seen = _store.ResourceVersion;
            return looks == 10;
        }
    }

    private Task UntilAsync(Func<bool> condition, string what) => UntilAsync(condition, () => what);

    private Task UntilAsync(Func<bool> condition, Func<string> missing) => Eventually.TrueAsync(
        () => Task.FromResult(condition()), s_limit, () => $"{missing()}\n{_operator.Output}", Cancelled);
}
