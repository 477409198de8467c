using System.Text.Json.Nodes;
using Kaito.DevCluster.Api;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;
using Kaito.Tests.DevCluster.Controllers;

namespace Kaito.Tests.DevCluster.Pods;

/// <summary>What a pod's manifest may ask for beside a command.</summary>
public sealed class PodFeatureTests
{
    [Fact]
    public async Task InitContainers_RunInOrderBeforeTheOthers()
    {
        await using var cluster = await RunningCluster.StartAsync();

        cluster.Create(Resources.Pods, Pod("ordered", """
            "initContainers": [
              { "name": "first", "image": "shell", "args": ["-c", "echo 1 > /data/log"], "volumeMounts": [{ "name": "d", "mountPath": "/data" }] },
              { "name": "second", "image": "shell", "args": ["-c", "echo 2 >> /data/log"], "volumeMounts": [{ "name": "d", "mountPath": "/data" }] }
            ],
            "volumes": [{ "name": "d", "emptyDir": {} }]
            """, """ "args": ["-c", "cat /data/log"], "volumeMounts": [{ "name": "d", "mountPath": "/data" }] """));

        var pod = await cluster.UntilAsync(Resources.Pods, "ordered", Succeeded);
        Assert.Equal("1\n2\n", await LogAsync(cluster, "ordered"));
        Assert.All(pod.Objects("status", "initContainerStatuses"),
            static s => Assert.Equal("Completed", s.Text("state", "terminated", "reason")));
    }

    [Fact]
    public async Task InitContainer_ThatFails_KeepsTheOthersFromStarting()
    {
        await using var cluster = await RunningCluster.StartAsync();

        cluster.Create(Resources.Pods, Pod(
            "stuck", """ "initContainers": [{ "name": "first", "image": "shell", "args": ["-c", "exit 3"] }] """,
            """ "args": ["-c", "echo never"] """));

        var pod = await cluster.UntilAsync(Resources.Pods, "stuck", static p => p.Text("status", "phase") == "Failed");
        Assert.Equal(3, pod.Objects("status", "initContainerStatuses").Single().Number("state", "terminated", "exitCode"));
        Assert.NotNull(pod.Objects("status", "containerStatuses").Single().At("state", "waiting"));
    }

    [Fact]
    public async Task EnvFromAndProjectedVolume_BringMapsSecretsAndFields()
    {
        await using var cluster = await RunningCluster.StartAsync();
        cluster.Create(Resources.ConfigMaps, """{"metadata":{"name":"map"},"data":{"COLOR":"red","file":"from the map"}}""");
        cluster.Create(Resources.Secrets, """{"metadata":{"name":"secret"},"stringData":{"KEY":"hidden"}}""");

        cluster.Create(Resources.Pods, Pod("mixed", """
            "volumes": [{ "name": "all", "projected": { "sources": [
              { "configMap": { "name": "map", "items": [{ "key": "file", "path": "sub/file" }] } },
              { "secret": { "name": "secret" } },
              { "downwardAPI": { "items": [{ "path": "name", "fieldRef": { "fieldPath": "metadata.name" } }] } }
            ] } }]
            """, """
            "args": ["-c", "echo $P_COLOR $KEY $(cat /all/sub/file) $(cat /all/KEY) $(cat /all/name)"],
            "envFrom": [{ "prefix": "P_", "configMapRef": { "name": "map" } }, { "secretRef": { "name": "secret" } },
              { "configMapRef": { "name": "none", "optional": true } }],
            "volumeMounts": [{ "name": "all", "mountPath": "/all" }]
            """));

        await cluster.UntilAsync(Resources.Pods, "mixed", Succeeded);
        Assert.Equal("red hidden from the map hidden mixed\n", await LogAsync(cluster, "mixed"));
    }

    [Fact]
    public async Task LivenessProbe_ThatFails_RestartsTheContainerAndSaysWhy()
    {
        await using var cluster = await RunningCluster.StartAsync();

        cluster.Create(Resources.Pods, Pod("ill", """ "terminationGracePeriodSeconds": 1 """, """
            "args": ["-c", "exec sleep 600"],
            "livenessProbe": { "exec": { "command": ["/bin/false"] }, "periodSeconds": 1, "failureThreshold": 1 }
            """, "Always"));

        await cluster.UntilAsync(Resources.Pods, "ill", static p =>
            p.Objects("status", "containerStatuses").Any(static s => s.Number("restartCount") > 0));
        var said = cluster.Store.List(Resources.Events).Items.Select(static e => e.Text("message")).ToArray();
        Assert.Contains(said, static text => text?.Contains("Liveness probe failed", StringComparison.Ordinal) == true);
        Assert.Contains(said, static text => text?.Contains("failed liveness probe, will be restarted", StringComparison.Ordinal) == true);
    }

    [Fact]
    public async Task StartupProbe_UntilItPasses_HoldsReadinessBack()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var gate = Path.Combine(cluster.Folder, "gate");

        cluster.Create(Resources.Pods, Pod("late", """ "terminationGracePeriodSeconds": 1 """, """
            "args": ["-c", "exec sleep 600"],
            "startupProbe": { "exec": { "command": ["/usr/bin/test", "-f", "GATE"] }, "periodSeconds": 1, "failureThreshold": 60 }
            """.Replace("GATE", gate, StringComparison.Ordinal), "Always"));
        var running = await cluster.UntilAsync(Resources.Pods, "late", static p =>
            p.Objects("status", "containerStatuses").Any(static s => s.At("state", "running") is not null));
        await File.WriteAllTextAsync(gate, "", TestContext.Current.CancellationToken);
        var ready = await cluster.UntilAsync(Resources.Pods, "late", PodTemplates.IsReady);

        Assert.False(running.Objects("status", "containerStatuses").Single().Flag("ready"));
        Assert.True(ready.Objects("status", "containerStatuses").Single().Flag("started"));
    }

    private static bool Succeeded(JsonObject pod) => pod.Text("status", "phase") == "Succeeded";

    private static string Pod(string name, string spec, string container, string restartPolicy = "Never") =>
        """
        { "metadata": { "name": "NAME" }, "spec": { "restartPolicy": "POLICY", SPEC,
          "containers": [{ "name": "main", "image": "shell", CONTAINER }] } }
        """
        .Replace("NAME", name, StringComparison.Ordinal)
        .Replace("POLICY", restartPolicy, StringComparison.Ordinal)
        .Replace("SPEC", spec, StringComparison.Ordinal)
        .Replace("CONTAINER", container, StringComparison.Ordinal);

    private static async Task<string> LogAsync(RunningCluster cluster, string pod)
    {
        var text = new List<byte>();
        await foreach (var chunk in cluster.Get<IPodLogs>().ReadAsync(
            new("default", pod, "main", false, false, null, false, null, null), TestContext.Current.CancellationToken))
        {
            text.AddRange(chunk.Span);
        }

        return System.Text.Encoding.UTF8.GetString([.. text]);
    }
}
