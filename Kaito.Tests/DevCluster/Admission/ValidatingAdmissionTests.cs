using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Kaito.Operator.Admission;
using Kaito.Tests.DevCluster.Api;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kaito.Tests.DevCluster.Admission;

/// <summary>What a ValidatingWebhookConfiguration does to writes; the webhook is a script.</summary>
public sealed class ValidatingAdmissionTests : IAsyncLifetime
{
    private const string Maps = "/api/v1/namespaces/default/configmaps";
    private const string Registrations = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

    private readonly ApiServer _server = new();
    private readonly ServingCertificate _certificate =
        ServingCertificate.Make(["127.0.0.1"], TimeProvider.System.GetUtcNow(), TimeSpan.FromHours(1), null);

    private readonly ConcurrentQueue<JsonNode> _asked = new();
    private WebApplication? _webhook;
    private Func<JsonNode, string> _answer = static request => Allowed(request);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await _server.InitializeAsync();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(
            IPAddress.Loopback, 0, listen => listen.UseHttps(_certificate.Certificate)));
        _webhook = builder.Build();
        _webhook.Run(async http =>
        {
            var review = await JsonNode.ParseAsync(http.Request.Body, cancellationToken: Stop);
            var request = review!["request"]!;
            _asked.Enqueue(request);
            await http.Response.WriteAsync(_answer(request), Stop);
        });
        await _webhook.StartAsync(Stop);
    }

    public async ValueTask DisposeAsync()
    {
        await _webhook!.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Writes_OfTheRules_AreAskedAboutWithBothObjects()
    {
        await RegisterAsync();
        await _server.JsonAsync("POST", Maps, Map("a", "1"));
        await _server.JsonAsync("PUT", $"{Maps}/a", Map("a", "2"));
        Assert.Equal(200, (await _server.SendAsync(
            "PATCH", $"{Maps}/a", """{"data":{"k":"3"}}""", "application/merge-patch+json")).Status);
        Assert.Equal(200, (await _server.SendAsync(
            "PATCH", $"{Maps}/a?fieldManager=t&force=true", Map("a", "4"), "application/apply-patch+yaml")).Status);
        Assert.Equal(201, (await _server.SendAsync(
            "PATCH", $"{Maps}/b?fieldManager=t", Map("b", "5"), "application/apply-patch+yaml")).Status);
        await _server.JsonAsync("DELETE", $"{Maps}/a");
        await _server.JsonAsync("POST", "/api/v1/namespaces/default/secrets", """{"metadata":{"name":"s"}}""");

        Assert.Equal(
            ["CREATE a 1 ", "UPDATE a 2 1", "UPDATE a 3 2", "UPDATE a 4 3", "CREATE b 5 "],
            _asked.Select(static r =>
                $"{r["operation"]} {r["name"]} {r["object"]!["data"]!["k"]} {r["oldObject"]?["data"]?["k"]}"));
        var first = _asked.First();
        Assert.Equal(
            ("v1", "ConfigMap", "configmaps", "default"),
            ((string?)first["kind"]!["version"], (string?)first["kind"]!["kind"], (string?)first["resource"]!["resource"],
                (string?)first["namespace"]));
        Assert.NotNull(first["object"]!["metadata"]!["uid"]);
    }

    [Fact]
    public async Task Create_WithAGeneratedName_IsStoredUnderTheNameThatWasJudged()
    {
        await RegisterAsync();

        var made = await _server.JsonAsync("POST", Maps, """{"metadata":{"generateName":"g-"}}""");

        Assert.Equal((string?)made["metadata"]!["name"], (string?)Assert.Single(_asked)["name"]);
    }

    [Fact]
    public async Task Denied_IsNotStoredAndSaysWhatTheWebhookSays()
    {
        await RegisterAsync();
        _answer = static request => Answer(request, """
            "allowed":false,"warnings":["careful"],"status":{"code":422,"reason":"Invalid","message":"no",
            "details":{"kind":"ConfigMap","name":"a","causes":[{"reason":"R","field":"f","message":"m"}]}}
            """);

        var (status, text, headers) = await _server.SendAsync("POST", Maps, Map("a", "1"));

        var body = JsonNode.Parse(text)!;
        Assert.Equal(422, status);
        Assert.Equal("admission webhook \"test.kaito.sh\" denied the request: no", (string?)body["message"]);
        Assert.Equal("f", (string?)body["details"]!["causes"]![0]!["field"]);
        Assert.Contains("careful", Assert.Single(headers.GetValues("Warning")), StringComparison.Ordinal);
        Assert.Equal(404, (await _server.SendAsync("GET", $"{Maps}/a")).Status);
    }

    [Theory]
    [InlineData("""{"allowed":false}""", "without explanation", 400)]
    [InlineData("""{"allowed":false,"status":{"code":200,"reason":"Why"}}""", "denied the request: Why", 400)]
    public async Task Denied_WithLittle_IsARefusalAllTheSame(string response, string expected, int code)
    {
        await RegisterAsync();
        _answer = request => Answer(request, response[1..^1]);

        var (status, text, _) = await _server.SendAsync("POST", Maps, Map("a", "1"));

        Assert.Equal(code, status);
        Assert.Contains(expected, text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("no JSON", "is not JSON")]
    [InlineData("[]", "expected webhook response")]
    [InlineData("""{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}""", "expected response.uid=")]
    [InlineData("""{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"x","allowed":true}}""", "expected response.uid=")]
    public async Task Answer_MakesNoSense_FailsTheWriteAsThePolicySays(string answer, string expected)
    {
        await RegisterAsync();
        _answer = _ => answer;

        var (status, text, _) = await _server.SendAsync("POST", Maps, Map("a", "1"));

        Assert.Equal(500, status);
        Assert.Contains("failed calling webhook \\u0022test.kaito.sh\\u0022", text, StringComparison.Ordinal);
        Assert.Contains(expected, text, StringComparison.Ordinal);

        await RegisterAsync(policy: "Ignore");
        Assert.Equal(201, (await _server.SendAsync("POST", Maps, Map("a", "1"))).Status);
    }

    [Fact]
    public async Task Webhook_OfAnotherAuthority_IsNotBelieved()
    {
        var other = ServingCertificate.Make(["127.0.0.1"], TimeProvider.System.GetUtcNow(), TimeSpan.FromHours(1), null);
        await RegisterAsync(authorities: other.Authorities);

        Assert.Equal(500, (await _server.SendAsync("POST", Maps, Map("a", "1"))).Status);
        Assert.Empty(_asked);
    }

    [Fact]
    public async Task Webhook_BehindAServiceWithoutPods_SaysSo()
    {
        await RegisterAsync(client: """{"service":{"name":"svc","namespace":"default","path":"/x"}}""");

        var (status, text, _) = await _server.SendAsync("POST", Maps, Map("a", "1"));

        Assert.Equal(500, status);
        Assert.Contains("no endpoints available for service", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Selectors_LeaveOutNamespacesAndObjects()
    {
        await _server.JsonAsync("POST", "/api/v1/namespaces", """{"metadata":{"name":"out","labels":{"exclude":""}}}""");
        await RegisterAsync(more: """
            ,"namespaceSelector":{"matchExpressions":[{"key":"exclude","operator":"DoesNotExist"}]},
            "objectSelector":{"matchLabels":{"judge":"me"}}
            """);

        await _server.JsonAsync("POST", "/api/v1/namespaces/out/configmaps", Map("a", "1", "judge"));
        await _server.JsonAsync("POST", Maps, Map("b", "1"));
        Assert.Empty(_asked);
        await _server.JsonAsync("POST", Maps, Map("c", "1", "judge"));
        Assert.Equal("c", (string?)Assert.Single(_asked)["name"]);

        // An update that takes the label away is asked about too.
        await _server.JsonAsync("PUT", $"{Maps}/c", Map("c", "2"));
        Assert.Equal(2, _asked.Count);
    }

    [Fact]
    public async Task DryRun_IsJudgedAndNotStored()
    {
        await RegisterAsync();

        Assert.Equal(201, (await _server.SendAsync("POST", $"{Maps}?dryRun=All", Map("a", "1"))).Status);

        Assert.True((bool)Assert.Single(_asked)["dryRun"]!);
        Assert.Equal(404, (await _server.SendAsync("GET", $"{Maps}/a")).Status);
    }

    private static string Map(string name, string value, string? label = null)
    {
        var labels = label is null ? "" : $$""","labels":{"{{label}}":"me"}""";
        return $$$"""
            {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{{name}}}"{{{labels}}}},"data":{"k":"{{{value}}}"}}
            """;
    }

    private static string Allowed(JsonNode request) => Answer(request, "\"allowed\":true");

    private static string Answer(JsonNode request, string members) =>
        $$$"""
        {"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"{{{request["uid"]}}}",{{{members}}}}}
        """;

    private async Task RegisterAsync(
        string policy = "Fail", string? authorities = null, string? client = null, string more = "")
    {
        var bundle = Convert.ToBase64String(Encoding.UTF8.GetBytes(authorities ?? _certificate.Authorities));
        var address = client ?? $$"""{"url":"{{_webhook!.Urls.First()}}/judge","caBundle":"{{bundle}}"}""";
        await _server.SendAsync("DELETE", $"{Registrations}/test");
        await _server.JsonAsync("POST", Registrations, $$$"""
            {"metadata":{"name":"test"},"webhooks":[{"name":"test.kaito.sh","clientConfig":{{{address}}},
             "failurePolicy":"{{{policy}}}","sideEffects":"None","admissionReviewVersions":["v1"],
             "rules":[{"operations":["CREATE","UPDATE"],"apiGroups":[""],"apiVersions":["v1"],"resources":["configmaps"]}]
             {{{more}}} }]}
            """);
    }
}
