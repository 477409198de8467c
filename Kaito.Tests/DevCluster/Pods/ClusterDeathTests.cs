using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace Kaito.Tests.DevCluster.Pods;

public sealed class ClusterDeathTests
{
    [Fact]
    public async Task Process_Killed_TakesThePodsAlong()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/setpriv"), "needs setpriv of util-linux");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        var folder = Directory.CreateTempSubdirectory("kaito-death-").FullName;
        using var cluster = Process.Start(BuiltProject.StartInfo(
            "Kaito.DevCluster", "--state-dir", folder, "--listen", "http://127.0.0.1:0", "--Images:shell=/bin/sh"))!;
        try
        {
            using var http = await ConnectAsync(cluster, folder, limit.Token);
            const string Pods = "api/v1/namespaces/default/pods";
            using var body = new StringContent(
                """
                {"metadata":{"name":"p"},"spec":{"containers":[
                  {"name":"main","image":"shell","args":["-c","echo $$$$; exec sleep 600"]}]}}
                """,
                MediaTypeHeaderValue.Parse("application/json"));
            (await http.PostAsync(Pods, body, limit.Token)).EnsureSuccessStatusCode();
            await UntilRunningAsync(http, Pods, limit.Token);
            using var log = new StreamReader(await http.GetStreamAsync($"{Pods}/p/log?follow=true", limit.Token));
            using var pod = Process.GetProcessById(
                int.Parse((await log.ReadLineAsync(limit.Token))!, CultureInfo.InvariantCulture));

            cluster.Kill();

            await pod.WaitForExitAsync(limit.Token);
            Assert.True(pod.HasExited);
        }
        finally
        {
            cluster.Kill(entireProcessTree: true);
            await cluster.WaitForExitAsync(CancellationToken.None);
            Directory.Delete(folder, recursive: true);
        }
    }

    // The kubeconfig is written before the log says so.
    private static async Task<HttpClient> ConnectAsync(Process cluster, string folder, CancellationToken cancellationToken)
    {
        var file = Path.Combine(folder, "kubeconfig");
        var line = "";
        while (!line.Contains("Kubernetes API at", StringComparison.Ordinal))
        {
            line = await cluster.StandardOutput.ReadLineAsync(cancellationToken)
                ?? throw new InvalidOperationException(await cluster.StandardError.ReadToEndAsync(cancellationToken));
        }

        var lines = await File.ReadAllLinesAsync(file, cancellationToken);
        string Value(string key) => lines.First(l => l.Contains(key + ":", StringComparison.Ordinal))
            .Split(':', 2)[1].Trim().Trim('"');
        var handler = new HttpClientHandler
        {
            ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator,
        };
        var http = new HttpClient(handler) { BaseAddress = new(Value("server") + "/") };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Value("token"));
        return http;
    }

    private static async Task UntilRunningAsync(HttpClient http, string pods, CancellationToken cancellationToken)
    {
        using var watch = new StreamReader(await http.GetStreamAsync($"{pods}?watch=1", cancellationToken));
        while (await watch.ReadLineAsync(cancellationToken) is { } line)
        {
            if (JsonNode.Parse(line)?["object"]?["status"]?["phase"]?.ToString() == "Running")
            {
                return;
            }
        }
    }
}
