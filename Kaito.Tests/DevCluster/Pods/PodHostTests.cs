using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Api;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;
using Kaito.Tests.DevCluster.Controllers;

namespace Kaito.Tests.DevCluster.Pods;

public sealed class PodHostTests
{
    [Fact]
    public async Task Pod_ThatEndsWell_Succeeds_AndItsLogCanBeRead()
    {
        await using var cluster = await RunningCluster.StartAsync();
        cluster.Create(Resources.ConfigMaps, """{"metadata":{"name":"settings"},"data":{"a.txt":"from the map"}}""");

        cluster.Create(Resources.Pods, Pod("one", "Never", "echo $GREETING $(cat /mnt/config/a.txt)", """
            "env": [
              { "name": "ME", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
              { "name": "GREETING", "value": "I am $(ME)," }
            ],
            "volumeMounts": [{ "name": "config", "mountPath": "/mnt/config" }]
            """));

        var pod = await cluster.UntilAsync(Resources.Pods, "one", p => p.Text("status", "phase") == "Succeeded");
        Assert.Equal(0, pod.Objects("status", "containerStatuses").Single().Number("state", "terminated", "exitCode"));
        Assert.Equal("I am one, from the map\n", await LogAsync(cluster, "one", follow: false));
        var reasons = cluster.Store.List(Resources.Events).Items.Select(e => e.Text("reason")).ToArray();
        Assert.Superset(new HashSet<string?> { "Scheduled", "Pulled", "Started" }, reasons.ToHashSet());
    }

    [Fact]
    public async Task Pod_ThatFails_RestartsAndThenBacksOff()
    {
        await using var cluster = await RunningCluster.StartAsync();

        cluster.Create(Resources.Pods, Pod("bad", "Always", "exit 7"));

        var pod = await cluster.UntilAsync(Resources.Pods, "bad", p => Status(p).Text("state", "waiting", "reason") == "CrashLoopBackOff");
        Assert.Equal(1, Status(pod).Number("restartCount"));
        Assert.Equal(7, Status(pod).Number("lastState", "terminated", "exitCode"));
        Assert.Equal("Running", pod.Text("status", "phase"));
    }

    [Fact]
    public async Task Pod_WithAnUnknownImage_SaysWhichOptionIsMissing()
    {
        await using var cluster = await RunningCluster.StartAsync();

        cluster.Create(Resources.Pods, Pod("foreign", "Always", "true").Replace("shell:1", "kaito-base:0.5.0", StringComparison.Ordinal));

        var pod = await cluster.UntilAsync(Resources.Pods, "foreign", p =>
            Status(p).Text("state", "waiting", "reason") is "ErrImagePull" or "ImagePullBackOff");
        Assert.Contains("--Images:kaito-base=PATH", Status(pod).Text("state", "waiting", "message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pod_Deleted_EndsItsProcessAndDisappears()
    {
        await using var cluster = await RunningCluster.StartAsync();
        cluster.Create(Resources.Pods, Pod("long", "Always", "echo $$$$; exec sleep 600"));
        await cluster.UntilAsync(Resources.Pods, "long", p => PodTemplates.IsReady(p));
        var id = int.Parse(await FirstLineAsync(cluster, "long"), CultureInfo.InvariantCulture);

        cluster.Delete(Resources.Pods, "long");

        await cluster.UntilAsync(Resources.Pods, all => all.Count == 0, "the pod stays");
        Assert.Throws<ArgumentException>(() => Process.GetProcessById(id));
    }

    [Fact]
    public async Task Pod_WaitingForAModel_NamesTheOption()
    {
        await using var cluster = await RunningCluster.StartAsync();

        cluster.Create(Resources.Pods, Pod("host", "Never", "true", Model));

        var pod = await cluster.UntilAsync(Resources.Pods, "host", p =>
            Status(p).Text("state", "waiting", "reason") == "CreateContainerConfigError");
        Assert.Contains("org/big", Status(pod).Text("state", "waiting", "message"), StringComparison.Ordinal);
        Assert.Contains("--substitute-model", Status(pod).Text("state", "waiting", "message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pod_WithASubstituteModel_IsToldAndSaysSo()
    {
        var substitute = Directory.CreateTempSubdirectory("kaito-model-").FullName;
        await File.WriteAllTextAsync(Path.Combine(substitute, "genai_config.json"), "{}", TestContext.Current.CancellationToken);
        await using var cluster = await RunningCluster.StartAsync(("substitute-model", substitute));

        cluster.Create(Resources.Pods, Pod("host", "Never", "echo $KAITO_MODEL_PATH for $KAITO_MODEL_SUBSTITUTED_FOR", Model));

        await cluster.UntilAsync(Resources.Pods, "host", p => p.Text("status", "phase") == "Succeeded");
        Assert.Equal($"{substitute} for org/big\n", await LogAsync(cluster, "host", follow: false));
        var said = cluster.Store.List(Resources.Events).Items.Single(e => e.Text("reason") == "ModelSubstituted");
        Assert.Equal("Normal", said.Text("type"));
        Directory.Delete(substitute, recursive: true);
    }

    [Fact]
    public async Task Service_OfAReadyPod_AnswersOnLoopback()
    {
        await using var cluster = await RunningCluster.StartAsync(("Images:python", "/usr/bin/python3"));
        if (!File.Exists("/usr/bin/python3"))
        {
            Assert.Skip("needs /usr/bin/python3 as a small web server");
        }

        cluster.Create(Resources.Services, """
            {"metadata":{"name":"web"},"spec":{"selector":{"app":"web"},"ports":[{"name":"http","port":80,"targetPort":5000}]}}
            """);
        cluster.Create(Resources.Pods, """
            {
              "metadata": { "name": "web", "labels": { "app": "web" } },
              "spec": { "containers": [{
                "name": "main", "image": "python", "args": [
                  "-c",
                  "import http.server as s,os;s.test(s.SimpleHTTPRequestHandler,port=int(os.environ['KAITO_LOCAL_PORT_5000']))"
                ],
                "ports": [{ "name": "http", "containerPort": 5000 }],
                "readinessProbe": { "httpGet": { "path": "/", "port": "http" }, "initialDelaySeconds": 30 }
              }] }
            }
            """);

        await cluster.UntilAsync(Resources.Pods, "web", p => PodTemplates.IsReady(p));
        var service = await cluster.UntilAsync(Resources.Services, "web", s =>
            s.Text("metadata", "annotations", "kaito.sh/local-url") is not null && s.Text("spec", "clusterIP") is not null);
        using var http = new HttpClient();
        var answer = await http.GetAsync(
            new Uri(service.Text("metadata", "annotations", "kaito.sh/local-url")!), TestContext.Current.CancellationToken);
        Assert.True(answer.IsSuccessStatusCode);
        Assert.StartsWith("10.96.", service.Text("spec", "clusterIP"), StringComparison.Ordinal);
        var direct = cluster.Get<IServiceEndpoints>().FindService("default", "web", "http");
        Assert.Equal(direct, cluster.Get<IServiceEndpoints>().FindPod("default", "web", "5000"));
        await cluster.UntilAsync(Resources.Endpoints, "web", e =>
            e.Objects("subsets").Single().Objects("ports").Single().Number("port") == direct!.Port
            && e.Objects("subsets").Single().Objects("addresses").Any());
    }

    private const string Model = """ "env": [{ "name": "KAITO_MODEL_REPOSITORY", "value": "org/big" }] """;

    private static JsonObject Status(JsonObject pod) => pod.Objects("status", "containerStatuses").FirstOrDefault() ?? [];

    private static async Task<string> FirstLineAsync(RunningCluster cluster, string pod)
    {
        await foreach (var chunk in Read(cluster, pod, follow: true))
        {
            return Encoding.UTF8.GetString(chunk.Span).Trim();
        }

        return "";
    }

    private static async Task<string> LogAsync(RunningCluster cluster, string pod, bool follow)
    {
        var text = new StringBuilder();
        await foreach (var chunk in Read(cluster, pod, follow))
        {
            text.Append(Encoding.UTF8.GetString(chunk.Span));
        }

        return text.ToString();
    }

    private static IAsyncEnumerable<ReadOnlyMemory<byte>> Read(RunningCluster cluster, string pod, bool follow) =>
        cluster.Get<IPodLogs>().ReadAsync(
            new("default", pod, null, follow, false, null, false, null, null), TestContext.Current.CancellationToken);

    private static string Pod(string name, string restartPolicy, string script, string more = "\"tty\": false") =>
        $$"""
        {
          "metadata": { "name": "{{name}}" },
          "spec": {
            "restartPolicy": "{{restartPolicy}}",
            "containers": [{ "name": "main", "image": "shell:1", "args": ["-c", "{{script}}"], {{more}} }],
            "volumes": [{ "name": "config", "configMap": { "name": "settings", "optional": true } }]
          }
        }
        """;
}
