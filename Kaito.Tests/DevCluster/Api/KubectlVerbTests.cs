
namespace Kaito.Tests.DevCluster.Api;

/// <summary>What people type: each test is a few calls of the real kubectl. One cluster for all, names apart.</summary>
public sealed class KubectlVerbTests(ApiServer server) : IClassFixture<ApiServer>
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Get_EveryOutput_ShowsTheObject()
    {
        await server.KubectlAsync("create configmap shown --from-literal=color=red");

        Assert.Contains("color: red", await server.KubectlAsync("get cm shown -o yaml"), StringComparison.Ordinal);
        Assert.Equal("red", await server.KubectlAsync("get cm shown -o jsonpath={.data.color}"));
        Assert.Equal("configmap/shown", await server.KubectlAsync("get cm shown -o name"));
        Assert.Equal("shown red", Words(await server.KubectlAsync(
            "get cm shown --no-headers -o custom-columns=N:.metadata.name,C:.data.color")));
        Assert.StartsWith("NAME DATA AGE", Words(await server.KubectlAsync("get cm")), StringComparison.Ordinal);
        Assert.Equal("ok", await server.KubectlAsync("get --raw /readyz"));
        Assert.Contains("statefulsets sts apps/v1 true StatefulSet",
            Words(await server.KubectlAsync("api-resources")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task GetWatch_ObjectThatComesAndGoes_PrintsEveryChange()
    {
        using var watch = server.Start("get configmaps --watch-only --output-watch-events --field-selector metadata.name=seen");
        try
        {
            // kubectl does not say when its watch is open: what happens before is not seen, so it happens again.
            var reading = watch.StandardOutput.ReadLineAsync(Token).AsTask();
            for (var last = false; !last;)
            {
                last = reading.IsCompleted;
                await server.KubectlAsync("create configmap seen");
                await server.KubectlAsync("delete configmap seen");
            }

            var events = "";
            while (!events.Contains("ADDED DELETED", StringComparison.Ordinal)
                && await reading.WaitAsync(s_patience, Token) is { } line)
            {
                events += Words(line).Split(' ')[0] + " ";
                reading = watch.StandardOutput.ReadLineAsync(Token).AsTask();
            }

            Assert.StartsWith("EVENT ", events, StringComparison.Ordinal);
            Assert.EndsWith("ADDED DELETED ", events, StringComparison.Ordinal);
        }
        finally
        {
            watch.Kill();
        }
    }

    [Fact]
    public async Task Edit_AndEveryKindOfPatch_ChangeTheObject()
    {
        await server.KubectlAsync("create configmap paint --from-literal=color=red --from-literal=old=x");

        var (code, _, error) = await server.RunAsync("edit cm paint", null, ("KUBE_EDITOR", "sed -i s/red/blue/"));
        await server.KubectlAsync("patch cm paint --type=json -p '[{\"op\":\"remove\",\"path\":\"/data/old\"}]'");
        await server.KubectlAsync("patch cm paint --type=merge -p '{\"data\":{\"merged\":\"1\"}}'");
        await server.KubectlAsync("patch cm paint -p '{\"data\":{\"strategic\":\"1\"}}'");
        await server.KubectlAsync("label cm paint team=ai");
        await server.KubectlAsync("annotate cm paint note=hi");

        Assert.True(code == 0, error);
        Assert.Equal("""{"color":"blue","merged":"1","strategic":"1"}""",
            await server.KubectlAsync("get cm paint -o jsonpath={.data}"));
        Assert.Equal("configmap/paint", await server.KubectlAsync("get cm -l team=ai -o name"));
    }

    [Fact]
    public async Task Delete_EachCascade_TreatsDependentsAsAsked()
    {
        foreach (var cascade in (string[])["background", "foreground", "orphan"])
        {
            await server.KubectlAsync("apply -f -", Deployment(cascade, "none"));
            await server.KubectlAsync($"wait --for=create rs -l app={cascade} --timeout=60s");

            await server.KubectlAsync($"delete deploy {cascade} --cascade={cascade} --timeout=60s");

            if (cascade == "orphan")
            {
                Assert.NotEmpty(await server.KubectlAsync("get rs -l app=orphan -o name"));
                await server.KubectlAsync("delete rs -l app=orphan --timeout=60s");
            }
            else
            {
                await server.KubectlAsync($"wait --for=delete rs -l app={cascade} --timeout=60s");
            }
        }
    }

    [Fact]
    public async Task Delete_WithAFinalizer_WaitsUntilItIsGone()
    {
        await server.KubectlAsync("create configmap held");
        await server.KubectlAsync("patch cm held -p '{\"metadata\":{\"finalizers\":[\"demo.kaito.sh/hold\"]}}'");

        await server.KubectlAsync("delete cm held --wait=false");
        var marked = await server.KubectlAsync("get cm held -o jsonpath={.metadata.deletionTimestamp}");
        await server.KubectlAsync("patch cm held --type=merge -p '{\"metadata\":{\"finalizers\":null}}'");

        Assert.NotEmpty(marked);
        Assert.NotEqual(0, (await server.RunAsync("get cm held")).Code);
    }

    [Fact]
    public async Task Logs_OfARestartedPod_ShowEitherRunAndFollow()
    {
        await server.KubectlAsync("apply -f -", Pod("talker",
            "if [ -f seen ]; then echo second; exec sleep 600; fi; touch seen; echo one; echo two; exit 1"));
        await server.KubectlAsync("wait pod/talker --for=jsonpath={.status.containerStatuses[0].restartCount}=1 --timeout=60s");
        await server.KubectlAsync("wait pod/talker --for=condition=Ready --timeout=60s");

        Assert.Equal("one\ntwo", await server.KubectlAsync("logs talker --previous"));
        Assert.Equal("two", await server.KubectlAsync("logs talker -c main -p --tail=1"));
        using var follow = server.Start("logs -f talker");
        Assert.Equal("second", await follow.StandardOutput.ReadLineAsync(Token).AsTask().WaitAsync(s_patience, Token));
        await server.KubectlAsync("delete pod talker --grace-period=1");
        await follow.WaitForExitAsync(Token).WaitAsync(s_patience, Token);
        Assert.Equal(0, follow.ExitCode);
    }

    [Fact]
    public async Task Describe_Pod_ShowsWhatHappenedToIt()
    {
        await server.KubectlAsync("apply -f -", Pod("told", "true", "Never"));
        await server.KubectlAsync("wait pod/told --for=jsonpath={.status.phase}=Succeeded --timeout=60s");

        var text = Words(await server.KubectlAsync("describe pod told"));
        var events = Words(await server.KubectlAsync("events --for pod/told"));
        var other = await server.KubectlAsync(
            "get events.events.k8s.io -o 'jsonpath={.items[?(@.regarding.name==\"told\")].reason}'");

        Assert.Contains("Reason: Completed Exit Code: 0", text, StringComparison.Ordinal);
        Assert.Contains("Normal Started", text, StringComparison.Ordinal);
        Assert.Contains("Normal Scheduled Pod/told", events, StringComparison.Ordinal);
        Assert.Contains("Started", other, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rollout_RestartAndScale_RunToTheirEnd()
    {
        await server.KubectlAsync("apply -f -", Deployment("rolled", "shell"));
        await server.KubectlAsync("rollout status deploy/rolled --timeout=60s");

        await server.KubectlAsync("rollout restart deploy/rolled");
        var done = await server.KubectlAsync("rollout status deploy/rolled --timeout=60s");
        await server.KubectlAsync("scale deploy rolled --replicas=0");
        await server.KubectlAsync("wait --for=delete pod -l app=rolled --timeout=60s");

        Assert.Contains("successfully rolled out", done, StringComparison.Ordinal);
        Assert.Equal(2, (await server.KubectlAsync("get rs -l app=rolled -o name")).Split('\n').Length);
        await server.KubectlAsync("delete deploy rolled");
    }

    [Fact]
    public async Task AuthCanI_Anything_IsYes()
    {
        Assert.Equal("yes", await server.KubectlAsync("auth can-i create deployments.apps"));
        Assert.Contains("*.*", await server.KubectlAsync("auth can-i --list"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_BuiltinKinds_NamesMembersAndTypes()
    {
        var probe = Words(await server.KubectlAsync("explain pod.spec.containers.readinessProbe"));
        var strategy = Words(await server.KubectlAsync("explain deployment.spec.strategy --recursive"));

        Assert.Contains("initialDelaySeconds <integer>", probe, StringComparison.Ordinal);
        Assert.Contains("rollingUpdate <Object> maxSurge <string>", strategy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_UnknownMember_IsRefusedOrWarnedOfAsAsked()
    {
        var wrong = Deployment("strict", "none").Replace("replicas:", "replicaz:", StringComparison.Ordinal);

        var refused = await server.RunAsync("apply -f -", wrong);
        var warned = await server.RunAsync("apply --validate=warn -f -", wrong);
        var serverSide = await server.RunAsync("apply --server-side -f -", wrong);

        Assert.NotEqual(0, refused.Code);
        Assert.Contains("unknown field \"spec.replicaz\"", refused.Error, StringComparison.Ordinal);
        Assert.Equal(0, warned.Code);
        Assert.Contains("Warning: unknown field \"spec.replicaz\"", warned.Error, StringComparison.Ordinal);
        Assert.Contains("spec.replicaz", serverSide.Error, StringComparison.Ordinal);
        await server.KubectlAsync("delete deploy strict");
    }

    [Fact]
    public async Task Proxy_EventStream_ArrivesAsItIsSent()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "needs /usr/bin/python3 as a small web server");
        var release = Path.Combine(server.Folder, "release");
        await server.KubectlAsync("apply -f -", Streamer.Replace("RELEASE", release, StringComparison.Ordinal));
        await server.KubectlAsync("wait pod/streamer --for=condition=Ready --timeout=60s");

        const string Path1 = "/api/v1/namespaces/default/services/streamer:http/proxy/a%20b/?q=1";
        using var answer = await server.Http.GetAsync(Path1, HttpCompletionOption.ResponseHeadersRead, Token);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(Token));
        Assert.Equal("data: /a%20b/?q=1", await reader.ReadLineAsync(Token).AsTask().WaitAsync(s_patience, Token));
        await File.WriteAllTextAsync(release, "", Token);
        Assert.Equal("data: last", await reader.ReadLineAsync(Token).AsTask().WaitAsync(s_patience, Token));
        await server.KubectlAsync("delete pod streamer --grace-period=1");
    }

    private const string Streamer =
        """
        apiVersion: v1
        kind: Service
        metadata: {name: streamer}
        spec: {selector: {app: streamer}, ports: [{name: http, port: 80, targetPort: 5000}]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: streamer, labels: {app: streamer}}
        spec:
          containers:
          - name: main
            image: python
            ports: [{containerPort: 5000}]
            readinessProbe: {tcpSocket: {port: 5000}}
            args:
            - -c
            - |
              import http.server, os, time
              class Handler(http.server.BaseHTTPRequestHandler):
                  def do_GET(self):
                      self.send_response(200)
                      self.send_header('Content-Type', 'text/event-stream')
                      self.end_headers()
                      self.wfile.write(b'data: ' + self.path.encode() + b'\n')
                      self.wfile.flush()
                      for _ in range(1000):
                          if os.path.exists('RELEASE'):
                              break
                          time.sleep(0.02)
                      self.wfile.write(b'data: last\n')
              port = int(os.environ['KAITO_LOCAL_PORT_5000'])
              http.server.ThreadingHTTPServer(('127.0.0.1', port), Handler).serve_forever()
        """;

    private static string Deployment(string name, string image) =>
        $$"""
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: {{name}}}
        spec:
          replicas: 1
          selector: {matchLabels: {app: {{name}} } }
          template:
            metadata: {labels: {app: {{name}} } }
            spec:
              terminationGracePeriodSeconds: 1
              containers: [{name: main, image: {{image}}, args: [-c, exec sleep 600]}]
        """;

    private static string Pod(string name, string script, string restartPolicy = "Always") =>
        $$"""
        apiVersion: v1
        kind: Pod
        metadata: {name: {{name}}}
        spec:
          restartPolicy: {{restartPolicy}}
          terminationGracePeriodSeconds: 1
          containers:
          - name: main
            image: shell
            args: ["-c", "{{script}}"]
        """;

    private static string Words(string text) =>
        string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
