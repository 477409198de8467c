using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using k8s;
using Kaito.Core.Api;
using Kaito.Operator;
using Kaito.Operator.Admission;
using Kaito.Operator.Cluster;
using Kaito.Operator.Install;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kaito.Tests.Operator.Scenarios;

/// <summary>What the webhooks let through and what not; derived once per kind of API server.</summary>
public abstract class AdmissionScenario
{
    private const string Workspaces = "apis/kaito.sh/v1beta1/namespaces/default/workspaces";
    private const string Sets = "apis/kaito.sh/v1beta1/namespaces/default/inferencesets";
    private const string Engines = "apis/kaito.sh/v1beta1/namespaces/default/ragengines";
    private const string Denied = "admission webhook \"validation.workspace.kaito.sh\" denied the request: validation failed: ";
    private const string DeniedUpdate =
        "admission webhook \"update.validation.workspace.kaito.sh\" denied the request: validation failed: ";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Webhook_BetweenUsersAndTheServer_SaysAllAtOnceAndNeverHoldsUpWhatGoes()
    {
        await using var server = await StartServerAsync();
        await using var cluster = await ClusterFixture.StartAsync(server, Stop);
        using var user = new User(server.Kubeconfig);

        // Without the webhooks the server takes it, and the reconciler's condition says what is wrong.
        Assert.Equal(HttpStatusCode.Created, (await user.SendAsync("POST", Workspaces, Bad("unjudged"))).Status);
        var condition = await ClusterFixture.UntilAsync(
            async () => (await cluster.Api.GetAsync(KubeKinds.Workspaces, "default", "unjudged", Stop))?.Status?.Conditions?
                .FirstOrDefault(static c => c.Type == ConditionTypes.WorkspaceSucceeded)?.Message,
            "the condition says it", Stop);
        await cluster.StopOperatorAsync(Stop);

        await cluster.InstallAsync("namespace.yaml", Stop);
        await cluster.InstallAsync("webhooks.yaml", Stop);
        using var refusals = new RefusalLog();
        await using (await StartOperatorAsync(server, CertificateTimes.Default, refusals))
        {
            await user.UntilJudgedAsync();
            var refused = await user.SendAsync("POST", Workspaces, Bad("judged"));
            Assert.Equal(HttpStatusCode.UnprocessableEntity, refused.Status);
            Assert.StartsWith(Denied, refused.Message, StringComparison.Ordinal);
            Assert.Equal(
                ["metadata.annotations[\"kaito.sh/performance-mode\"]", "resource.instanceType", "inference.preset.name"],
                refused.Causes.Select(static c => c.Field));
            Assert.All(refused.Causes, cause =>
            {
                Assert.Contains($"{cause.Field}: {cause.Message}", refused.Message, StringComparison.Ordinal);
                Assert.Contains($"{cause.Field}: {cause.Message}", condition, StringComparison.Ordinal);
            });

            var accepted = await user.SendAsync("POST", Workspaces, Good("good"));
            Assert.Equal(HttpStatusCode.Created, accepted.Status);
            Assert.Contains("inference.preset.accessMode: ", accepted.Warning, StringComparison.Ordinal);

            await ImmutableAsync(user, """{"resource":{"count":2}}""");
            await ImmutableAsync(user, """{"inference":{"preset":{"name":"phi-4"}}}""");
            var annotated = await user.SendAsync(
                "PATCH", $"{Workspaces}/good", """{"metadata":{"annotations":{"kaito.sh/use-local-weights":"yes"}}}""");
            Assert.StartsWith(DeniedUpdate + "metadata.annotations", annotated.Message, StringComparison.Ordinal);

            // What was wrong before may stay wrong; only what is changed is looked at.
            var labelled = await user.SendAsync(
                "PATCH", $"{Workspaces}/unjudged", """{"metadata":{"labels":{"team":"a"}}}""");
            Assert.Equal(HttpStatusCode.OK, labelled.Status);

            var set = await user.SendAsync("POST", Sets, BadSet);
            Assert.Equal("spec.template.inference.preset.name", Assert.Single(set.Causes).Field);
            var rag = await user.SendAsync("POST", Engines, BadRag);
            Assert.Equal("spec.embedding", Assert.Single(rag.Causes).Field);

            // The operator's own writes pass: status, and the finalizer of a Workspace that is wrong.
            await user.SendAsync("DELETE", $"{Workspaces}/unjudged", null);
            await ClusterFixture.UntilAsync(
                async () => await cluster.Api.GetAsync(KubeKinds.Workspaces, "default", "unjudged", Stop) is null ? "" : null,
                "the wrong Workspace is gone", Stop);
        }

        Assert.Empty(refusals.Lines);

        // Nobody answers: the server says so, and takes nothing new. What is there can be edited, and goes.
        var down = await user.SendAsync("POST", Workspaces, Good("later"));
        Assert.Equal(HttpStatusCode.InternalServerError, down.Status);
        Assert.StartsWith(
            "Internal error occurred: failed calling webhook \"validation.workspace.kaito.sh\": ", down.Message,
            StringComparison.Ordinal);
        Assert.Null(await cluster.Api.GetAsync(KubeKinds.Workspaces, "default", "later", Stop));
        var edited = await user.SendAsync("PATCH", $"{Workspaces}/good", """{"metadata":{"labels":{"team":"b"}}}""");
        Assert.Equal(HttpStatusCode.OK, edited.Status);
        var status = await user.SendAsync(
            "PATCH", $"{Workspaces}/good/status", """{"status":{"state":"NotReady"}}""");
        Assert.Equal(HttpStatusCode.OK, status.Status);
        Assert.Equal(HttpStatusCode.OK, (await user.SendAsync("DELETE", $"{Workspaces}/good", null)).Status);
        await user.SendAsync("PATCH", $"{Workspaces}/good", """{"metadata":{"finalizers":null}}""");
        Assert.Null(await cluster.Api.GetAsync(KubeKinds.Workspaces, "default", "good", Stop));
    }

    [Fact]
    public async Task Certificate_RotatedWhileRequestsGoOn_NoRequestFails()
    {
        await using var server = await StartServerAsync();
        await using var cluster = await ClusterFixture.StartAsync(server, Stop);
        await cluster.StopOperatorAsync(Stop);
        using var user = new User(server.Kubeconfig);
        var life = TimeSpan.FromHours(1);
        var times = new CertificateTimes(
            life, life - TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(500));
        await cluster.InstallAsync("namespace.yaml", Stop);
        await cluster.InstallAsync("webhooks.yaml", Stop);
        using var refusals = new RefusalLog();
        await using var app = await StartOperatorAsync(server, times, refusals);
        await user.UntilJudgedAsync();

        var certificates = app.Services.GetRequiredService<WebhookCertificates>();
        var seen = new HashSet<string>();
        await ClusterFixture.UntilAsync(
            async () =>
            {
                seen.Add(certificates.Current!.Thumbprint);
                var answer = await user.SendAsync("POST", $"{Workspaces}?dryRun=All", Bad("judged"));
                Assert.StartsWith(Denied, answer.Message, StringComparison.Ordinal);
                return seen.Count > 3 ? "" : null;
            },
            "three certificates have followed the first", Stop);
        Assert.Empty(refusals.Lines);
    }

    private protected abstract Task<ScenarioServer> StartServerAsync();

    private static async Task ImmutableAsync(User user, string patch)
    {
        var answer = await user.SendAsync("PATCH", $"{Workspaces}/good", patch);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.Status);
        Assert.Contains("field is immutable", answer.Message, StringComparison.Ordinal);
    }

    // As the operator's own account, on an installation whose Secret is empty; only the address of the webhooks differs.
    private static async Task<WebApplication> StartOperatorAsync(
        ScenarioServer server, CertificateTimes times, RefusalLog refusals)
    {
        var app = OperatorApp.Build(
            new()
            {
                Kubeconfig = server.OperatorKubeconfig ?? server.Kubeconfig,
                Namespace = InstallManifests.Namespace,
                Webhook = true,
                WebhookHost = "127.0.0.1",
                WebhookPort = 0,
            },
            builder =>
            {
                builder.WebHost.UseUrls("http://127.0.0.1:0");
                builder.Logging.ClearProviders().AddProvider(refusals).SetMinimumLevel(LogLevel.Debug);
                builder.Services.AddSingleton(times);
            });
        await app.StartAsync(Stop);
        var status = app.Services.GetRequiredService<OperatorStatus>();
        await ClusterFixture.UntilAsync(
            () => Task.FromResult((status.Problem ?? status.WebhookProblem) is null ? "" : null),
            "the operator and its webhooks are ready", Stop);
        return app;
    }

    private static string Bad(string name) =>
        $$"""
        {"apiVersion":"kaito.sh/v1beta1","kind":"Workspace",
         "metadata":{"name":"{{name}}","annotations":{"kaito.sh/performance-mode":"fast"} },
         "resource":{"instanceType":"Standard_X","labelSelector":{"matchLabels":{"apps":"phi"} } },
         "inference":{"preset":{"name":"phi-99"} } }
        """;

    private static string Good(string name) =>
        $$"""
        {"apiVersion":"kaito.sh/v1beta1","kind":"Workspace","metadata":{"name":"{{name}}"},
         "resource":{"instanceType":"Standard_NC24ads_A100_v4",
          "labelSelector":{"matchLabels":{"apps":"phi"} } },
         "inference":{"preset":{"name":"phi-3.5-mini-instruct","accessMode":"private"} } }
        """;

    private const string BadSet = """
        {"apiVersion":"kaito.sh/v1beta1","kind":"InferenceSet","metadata":{"name":"fleet"},
         "spec":{"labelSelector":{"matchLabels":{"apps":"phi"}},"template":{
          "resource":{"instanceType":"Standard_NC24ads_A100_v4"},"inference":{"preset":{"name":"phi-99"}}}}}
        """;

    private const string BadRag = """
        {"apiVersion":"kaito.sh/v1beta1","kind":"RAGEngine","metadata":{"name":"rag"},"spec":{"embedding":{}}}
        """;

    private sealed record Answer(HttpStatusCode Status, string Message, string Warning, (string Field, string Message)[] Causes);

    private sealed class User(string kubeconfig) : IDisposable
    {
        private readonly Kubernetes _client = new(KubernetesClientConfiguration.BuildConfigFromConfigFile(kubeconfig));

        public async Task<Answer> SendAsync(string method, string path, string? body)
        {
            using var request = new HttpRequestMessage(new(method), new Uri(_client.BaseUri, path))
            {
                Content = body is null ? null : new StringContent(
                    body, Encoding.UTF8, method == "PATCH" ? "application/merge-patch+json" : "application/json"),
            };
            await _client.Credentials!.ProcessHttpRequestAsync(request, Stop);
            using var response = await _client.HttpClient.SendAsync(request, Stop);
            var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync(Stop));
            return new(
                response.StatusCode, (string?)answer?["message"] ?? "",
                string.Join('\n', response.Headers.TryGetValues("Warning", out var warnings) ? warnings : []),
                [
                    .. (answer?["details"]?["causes"] as JsonArray ?? []).Select(
                        static c => ((string)c!["field"]!, (string)c["message"]!)),
                ]);
        }

        // The server learns of a new configuration a moment after it was written.
        public Task<string> UntilJudgedAsync() => ClusterFixture.UntilAsync(
            async () => (await SendAsync("POST", $"{Workspaces}?dryRun=All", Bad("probe"))).Message is { } message
                && message.StartsWith(Denied, StringComparison.Ordinal) ? "" : null,
            "the server asks the webhooks", Stop);

        public void Dispose() => _client.Dispose();
    }
}

/// <summary>On the dev cluster.</summary>
public sealed class DevClusterAdmissionTests : AdmissionScenario
{
    private protected override Task<ScenarioServer> StartServerAsync() => ScenarioServer.DevClusterAsync();
}

/// <summary>On a real kube-apiserver and controller-manager.</summary>
public sealed class ControlPlaneAdmissionTests : AdmissionScenario
{
    private protected override Task<ScenarioServer> StartServerAsync() => ScenarioServer.ControlPlaneAsync();
}
