using System.Text;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;
using Kaito.Operator;
using Kaito.Operator.Admission;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Kaito.Tests.Operator.Scenarios.Faults;

/// <summary>Faults that concern the operator as a whole, and so need one each.</summary>
public sealed class OperatorFaultTests
{
    [Fact]
    public async Task Lease_LostInTheMiddleOfAReconcile_NothingIsWrittenAfterItAndTheNextGoesOn()
    {
        await using var cluster = new Cluster(new() { LeaderElect = true });
        await cluster.InitializeAsync();
        var lease = new ObjectKey(new("coordination.k8s.io", "leases"), "default", "kaito-workspace-operator");
        await FaultCluster.UntilAsync(
            () => cluster.Store.Get(lease) is not null, TimeSpan.FromSeconds(30), () => "the operator leads");
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var lost = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.Api = async http =>
        {
            if (HttpMethods.IsGet(http.Request.Method) || http.Request.Path.Value!.Contains("/leases", StringComparison.Ordinal))
            {
                return false;
            }

            entered.TrySetResult();
            await lost.Task;
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return true;
        };
        var run = new FaultRun(cluster);
        run.Apply(static w => w);
        await entered.Task.WaitAsync(TestContext.Current.CancellationToken);

        run.Store.Modify(lease, static stored => stored.Child("spec")["holderIdentity"] = "another");

        // The other one renews it all the time: however late we look, it is not ours to take.
        cluster.Api = static http =>
        {
            var isOurs = !HttpMethods.IsGet(http.Request.Method)
                && http.Request.Path.Value!.Contains("/leases", StringComparison.Ordinal);
            http.Response.StatusCode = isOurs ? StatusCodes.Status409Conflict : StatusCodes.Status200OK;
            return Task.FromResult(isOurs);
        };
        cluster.Clock.Advance(TimeSpan.FromSeconds(11));
        cluster.Writes.Clear();
        lost.SetResult();
        var status = cluster.Operator.GetRequiredService<OperatorStatus>();
        await run.UntilAsync(() => status.Failure is not null, "the operator stops");

        Assert.Contains("could not be renewed", status.Failure, StringComparison.Ordinal);
        Assert.Empty(cluster.Writes);
        await cluster.StopOperatorAsync();
        cluster.Api = null;
        run.Store.Modify(lease, static stored => stored.Child("spec")["holderIdentity"] = "");
        await cluster.StartOperatorAsync();
        await run.UntilAsync(run.IsReady, "the next operator serves the Workspace");
    }

    [Fact]
    public async Task Crds_OfRagEnginesAndSetsMissing_WorkspacesServeAndTheOthersDoOnceTheyAreThere()
    {
        await using var cluster = new Cluster(new(), onlyWorkspaces: true);
        await cluster.InitializeAsync();
        var run = new FaultRun(cluster);
        run.Apply(static w => w);
        await run.UntilAsync(run.IsReady, "the Workspace serves");
        Assert.Contains(cluster.Log.Lines, static line => line.StartsWith(
            "The cluster has no CRD ragengines.kaito.sh: apply deploy/crds to have it. The operator goes on",
            StringComparison.Ordinal));

        cluster.Install("ragengines.kaito.sh");
        var engines = GroupResource.Parse("ragengines.kaito.sh");
        run.Create(engines, """
            {"apiVersion":"kaito.sh/v1beta1","kind":"RAGEngine","metadata":{"name":"rag"},"spec":{"embedding":{}}}
            """);
        cluster.Clock.Advance(TimeSpan.FromMinutes(1));
        await run.UntilAsync(
            () => run.Store.Get(run.Key(engines, "rag"))!.Objects("status", "conditions").Any(),
            "the RAGEngine has conditions");
    }

    [Fact]
    public async Task Namespace_DeletedWhileItsWorkspaceServes_NothingIsLeft()
    {
        await using var cluster = new Cluster(new());
        await cluster.InitializeAsync();
        var run = new FaultRun(cluster);
        run.Apply(static w => w);
        await run.UntilAsync(run.IsReady, "the Workspace serves");

        run.Store.Delete(new(Resources.Namespaces, null, run.Namespace), DeleteRequest.Default);

        await run.UntilAsync(
            () => run.Store.Get(new(Resources.Namespaces, null, run.Namespace)) is null, "the namespace is gone");
        Assert.Null(run.Store.Get(run.Workspace));
        Assert.Empty(run.Store.List(Resources.NodeClaims).Items);
        await run.UntilAsync(() => run.Store.List(Resources.Nodes).Items.Count == 1, "the machine is given back");
    }

    [Fact]
    public async Task Log_OfEverythingTheOperatorDoes_HasNothingOfSecretsAndConfigMaps()
    {
        const string Canary = "c4n4ry";
        await using var cluster = new Cluster(new() { Webhook = true, WebhookHost = "127.0.0.1", WebhookPort = 0 });
        await cluster.InitializeAsync();
        var run = new FaultRun(cluster);
        run.Create(Resources.Secrets, $$"""
            {"apiVersion":"v1","kind":"Secret","metadata":{"name":"token"},"data":{
             "HF_TOKEN":"{{Convert.ToBase64String(Encoding.UTF8.GetBytes(Canary))}}"} }
            """);
        run.Create(Resources.ConfigMaps, new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "ConfigMap",
            ["metadata"] = new JsonObject { ["name"] = "mine" },
            ["data"] = new JsonObject { ["inference_config.yaml"] = $"vllm: {{ max-model-len: {Canary} }}" },
        }.ToJsonString());
        run.Apply(static w => w with
        {
            Inference = w.Inference! with
            {
                Config = "mine",
                Preset = w.Inference.Preset! with { PresetOptions = new() { ModelAccessSecret = "token" } },
            },
        });
        await run.UntilAsync(
            () => run.Store.Get(run.Workspace)!.ToJsonString().Contains("WorkspaceInvalid", StringComparison.Ordinal),
            "the setting is refused");
        run.Store.Modify(run.Key(Resources.ConfigMaps, "mine"), static map => map.Child("data")["inference_config.yaml"] =
            $"# {Canary}\nvllm: {{ max-model-len: 1024 }}");
        await run.UntilAsync(run.IsReady, "the Workspace serves");

        var key = run.Store.Get(new(Resources.Secrets, "default", WebhookCertificates.SecretName))!
            .Text("data", ServingCertificate.KeyFile)!;
        var secrets = Encoding.UTF8.GetString(Convert.FromBase64String(key)).Split('\n')[1..3]
            .Append(Canary).Append(Convert.ToBase64String(Encoding.UTF8.GetBytes(Canary))).Append(key[..40]).ToArray();
        Assert.True(cluster.Log.Lines.Count() > 10);
        Assert.All(cluster.Log.Lines, line => Assert.All(
            secrets, secret => Assert.DoesNotContain(secret, line, StringComparison.Ordinal)));
    }

    private sealed class Cluster : FaultCluster
    {
        public Cluster(OperatorOptions options, bool onlyWorkspaces = false)
            : base(options) => OnlyWorkspaces = onlyWorkspaces;
    }
}
