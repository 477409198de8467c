using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;
using Kaito.Operator.Admission;
using Microsoft.AspNetCore.Http;
using ObjectMeta = Kaito.DevCluster.Storage.ObjectMeta;

namespace Kaito.Tests.Operator.Scenarios.Faults;

/// <summary>
/// An API server that fails, and what lies between it and the operator. Real time, but where a row says otherwise. Where
/// nothing can be written nothing can be told: then the row is about the end.
/// </summary>
public sealed class ApiFaultTableTests(ApiFaultTableTests.Cluster cluster) : IClassFixture<ApiFaultTableTests.Cluster>
{
    private const string Inference = ConditionTypes.InferenceReady;

    private static readonly Fault[] s_faults =
    [
        Answers("writes of workloads are answered with 500", 500, "InternalError", "etcdserver: request timed out")
            with { Expect = (Inference, "ApplyFailed", ["etcdserver: request timed out", "it is tried again by itself"]) },
        Answers("writes of workloads are answered with 429", 429, "TooManyRequests", "too many requests")
            with { Expect = (Inference, "ApplyFailed", ["too many requests", "it is tried again by itself"]) },
        Answers("writes of workloads are forbidden", 403, "Forbidden", "statefulsets is forbidden: no RBAC")
            with { Expect = (Inference, "ApplyFailed", ["statefulsets is forbidden", "or grant it"]) },
        Answers("writes of NodeClaims are forbidden", 403, "Forbidden", "nodeclaims is forbidden: no RBAC", "/nodeclaims/")
            with
            {
                Expect = (ConditionTypes.ResourceReady, "NodeClaimCreationFailed", ["nodeclaims is forbidden", "or grant it"]),
            },
        Answers("the Workspace's finalizer is refused", 403, "Forbidden", "denied by policy", "/workspaces/phi")
            with { Expect = (Inference, "ApplyFailed", ["The Workspace cannot be written: denied by policy", "Next: correct"]) },
        new("writes of workloads are not answered (60 simulated seconds)")
        {
            Inject = static run => run.Cluster.Api = async http =>
            {
                if (!IsWrite(http, "/statefulsets/"))
                {
                    return false;
                }

                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                return true;
            },
            Heal = static run =>
            {
                run.Cluster.Api = null;
                run.Cluster.Clock.Advance(TimeSpan.FromSeconds(60));
            },
        },
        new("every request is answered with 503")
        {
            Inject = static run => run.Cluster.Api = http => RefuseAsync(http, 503, "ServiceUnavailable", "starting"),
        },
        new("the API server restarts")
        {
            Serving = true,
            Harmless = true,
            Inject = static run =>
            {
                run.Cluster.Api = static http =>
                {
                    http.Abort();
                    return Task.FromResult(true);
                };
                run.Cluster.CutWatches();
                run.Delete(Resources.StatefulSets);
            },
            Heal = static run =>
            {
                run.Cluster.Api = null;
                run.Wait(() => run.Store.Get(run.Key(Resources.StatefulSets)) is not null, "the StatefulSet is back");
            },
        },
        new("every watch is told 410 Gone")
        {
            Serving = true,
            Inject = static run =>
            {
                run.Cluster.Api = static http => http.Request.Query.ContainsKey("watch")
                    ? RefuseAsync(http, 410, "Expired", "too old resource version")
                    : Task.FromResult(false);
                run.Cluster.CutWatches();
                run.Trouble.Pod = static _ => NotReady;
            },
            Expect = (Inference, "WorkspaceInferenceStatusPending", ["its readiness probe fails"]),
        },
        new("every watch is silent (13 simulated seconds)")
        {
            Serving = true,
            Inject = static run =>
            {
                run.Cluster.Api = http => SilentAsync(run.Cluster, http);
                run.Cluster.CutWatches();
                run.Wait(() => run.Cluster.Silent > 5, "the watches are silent");
                run.Trouble.Pod = static _ => NotReady;
                run.Wait(() => run.Store.List(Resources.Pods, run.Namespace, ObjectSelector.Everything).Items
                    .All(static p => p.Objects("status", "conditions").All(static c => c.Text("status") == "False")), "the pod is not ready");
                run.Cluster.Api = null;
                run.Cluster.Clock.Advance(TimeSpan.FromSeconds(13));
            },
            Expect = (Inference, "WorkspaceInferenceStatusPending", ["its readiness probe fails"]),
        },
        new("every second write is a conflict")
        {
            Harmless = true,
            Inject = static run =>
            {
                var writes = 0;
                run.Cluster.Api = http => !HttpMethods.IsGet(http.Request.Method) && Interlocked.Increment(ref writes) % 2 == 1
                    ? RefuseAsync(http, 409, "Conflict", "the object has been modified")
                    : Task.FromResult(false);
            },
            Heal = static run => run.Wait(() => run.IsReady(), "the Workspace serves in spite of them"),
        },
        new("somebody else writes the Workspace all the time")
        {
            Harmless = true,
            Inject = static run => run.Cluster.Api = http =>
            {
                if (IsWrite(http, "/workspaces/phi"))
                {
                    run.Store.Modify(run.Workspace, static w => w.Child("metadata", "labels")["theirs"] = $"{ObjectMeta.Version(w)}");
                }

                return Task.FromResult(false);
            },
        },
        new("the operator's clock is an hour ahead")
        {
            Harmless = true,
            Inject = static run => run.Cluster.Clock.Skew(TimeSpan.FromHours(1)),
            Heal = static run =>
            {
                run.Wait(() => run.IsReady(), "the Workspace serves in spite of it");
                run.Cluster.Clock.Skew(TimeSpan.Zero);
            },
            After = static run => Assert.Single(run.Claims),
        },
        new("the operator's clock falls an hour back while it serves")
        {
            Serving = true,
            Inject = static run =>
            {
                run.Cluster.Clock.Skew(TimeSpan.FromHours(-1));
                run.Store.Delete(Resources.NodeClaims.KeyOf(run.Claim), DeleteRequest.Default);
            },
            Expect = (ConditionTypes.NodeClaimReady, "NodeClaimNotReady", ["Ready NodeClaims are not enough"]),
            Heal = null,
            After = static run => run.Cluster.Clock.Skew(TimeSpan.Zero),
        },
        new("the webhooks' certificate has expired")
        {
            Harmless = true,
            Inject = static run => run.Store.Modify(s_secret, static secret =>
            {
                var expired = ServingCertificate.Make(
                    ["127.0.0.1"], TimeProvider.System.GetUtcNow() - TimeSpan.FromDays(400), TimeSpan.FromDays(365), null);
                secret["data"] = new JsonObject(
                    expired.ToData().Select(static d => KeyValuePair.Create(d.Key, (JsonNode?)d.Value)));
            }),
            Heal = static run => run.Wait(
                () => ServingCertificate.Read(run.Read<Secret>(s_secret))?.Certificate.NotAfter
                    > TimeProvider.System.GetUtcNow().UtcDateTime, "there is another certificate"),
        },
        new("the API server is told a wrong address of the webhooks")
        {
            Harmless = true,
            Inject = static run => run.Store.Modify(s_configuration, static c =>
                c.Objects("webhooks").First().Child("clientConfig")["url"] = "https://127.0.0.1:1/nowhere"),
            Heal = static run => run.Wait(
                () => !run.Store.Get(s_configuration)!.ToJsonString().Contains("nowhere", StringComparison.Ordinal),
                "the address is right again"),
        },
    ];

    private static readonly ObjectKey s_secret = new(Resources.Secrets, "default", WebhookCertificates.SecretName);

    private static readonly ObjectKey s_configuration = new(
        new("admissionregistration.k8s.io", "validatingwebhookconfigurations"), null, "validation.workspace.kaito.sh");

    private const string NotReady = """
        {"phase":"Running","conditions":[{"type":"Ready","status":"False"}],
         "containerStatuses":[{"name":"host","ready":false,"started":true,"state":{"running":{}}}]}
        """;

    public static TheoryData<string> Names() => [.. s_faults.Select(static f => f.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public Task Api_Fault_IsToldAndOvercome(string name) =>
        FaultRun.RunAsync(cluster, s_faults.Single(f => f.Name == name));

    private static Fault Answers(string name, int code, string reason, string message, string path = "/statefulsets/") =>
        new(name)
        {
            Inject = run => run.Cluster.Api = http => IsWrite(http, path)
                ? RefuseAsync(http, code, reason, message)
                : Task.FromResult(false),
        };

    private static bool IsWrite(HttpContext http, string path) => !HttpMethods.IsGet(http.Request.Method)
        && (path.EndsWith('/')
            ? http.Request.Path.Value!.Contains(path, StringComparison.Ordinal)
            : http.Request.Path.Value!.EndsWith(path, StringComparison.Ordinal));

    private static async Task<bool> RefuseAsync(HttpContext http, int code, string reason, string message)
    {
        http.Response.StatusCode = code;
        await http.Response.WriteAsync(
            $$"""{"kind":"Status","apiVersion":"v1","status":"Failure","message":"{{message}}","reason":"{{reason}}","code":{{code}}}""",
            http.RequestAborted);
        return true;
    }

    private static async Task<bool> SilentAsync(FaultCluster cluster, HttpContext http)
    {
        if (!http.Request.Query.ContainsKey("watch"))
        {
            return false;
        }

        await http.Response.StartAsync(http.RequestAborted);
        await http.Response.Body.FlushAsync(http.RequestAborted);
        cluster.CountSilent();
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return true;
    }

    /// <summary>Whose operator serves its webhooks, too.</summary>
    public sealed class Cluster : FaultCluster
    {
        public Cluster()
            : base(new() { Webhook = true, WebhookHost = "127.0.0.1", WebhookPort = 0 })
        {
        }
    }
}
