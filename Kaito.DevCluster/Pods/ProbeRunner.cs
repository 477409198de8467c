using System.ComponentModel;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Pods;

/// <summary>Runs probes against local ports and processes.</summary>
internal sealed class ProbeRunner(ProcessLauncher launcher, TimeProvider clock) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false });

    /// <summary>Repeats the probe and reports each state that differs from the one before, until told to stop.</summary>
    /// <param name="target">What is probed.</param>
    /// <param name="eager">Tries every 100 ms until the first success.</param>
    /// <param name="seen">Told each state with the failure text; returns false to stop.</param>
    /// <param name="cancellationToken">Ends the probing.</param>
    public async Task WatchAsync(
        ProbeTarget target, bool eager, Func<ProbeState, string?, bool> seen, CancellationToken cancellationToken)
    {
        var settings = ProbeSettings.Read(target.Probe);
        var started = clock.GetUtcNow();
        var state = ProbeState.Start;
        if (!eager && settings.InitialDelay > TimeSpan.Zero)
        {
            await Task.Delay(settings.InitialDelay, clock, cancellationToken);
        }

        while (true)
        {
            var failure = await TryAsync(target, settings.Timeout, cancellationToken);
            var next = state.Next(failure is null, settings, clock.GetUtcNow(), started);
            if (next != state && !seen(next, next.Failures > state.Failures ? failure : null))
            {
                return;
            }

            state = next;
            await Task.Delay(state.Pause(settings, eager), clock, cancellationToken);
        }
    }

    public void Dispose() => _http.Dispose();

    // Null is success, else what went wrong.
    private async Task<string?> TryAsync(ProbeTarget target, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            if (target.Probe.At("httpGet") is JsonObject http)
            {
                return await HttpAsync(target, http, either.Token);
            }

            return target.Probe.At("exec") is { } exec
                ? await ExecAsync(target, [.. exec.Strings("command")], either.Token)
                : await ConnectAsync(target, either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return $"timed out after {timeout.TotalSeconds} s";
        }
        catch (Exception failure) when (failure is HttpRequestException or SocketException or Win32Exception
            or IOException or UriFormatException or FormatException or InvalidOperationException)
        {
            return failure.Message;
        }
    }

    private async Task<string?> HttpAsync(ProbeTarget target, JsonObject http, CancellationToken cancellationToken)
    {
        if (target.Port(http.Text("port")) is not { } port)
        {
            return $"container port {http.Text("port")} is not declared in ports";
        }

        var path = http.Text("path") ?? "/";
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"http://127.0.0.1:{port}/{path.TrimStart('/')}"));
        foreach (var header in http.Objects("httpHeaders"))
        {
            request.Headers.TryAddWithoutValidation(header.Text("name") ?? "", header.Text("value"));
        }

        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        return (int)response.StatusCode is >= 200 and < 400
            ? null
            : $"HTTP probe failed with statuscode: {(int)response.StatusCode}";
    }

    private static async Task<string?> ConnectAsync(ProbeTarget target, CancellationToken cancellationToken)
    {
        var wanted = target.Probe.Text("tcpSocket", "port") ?? target.Probe.Text("grpc", "port");
        if (target.Port(wanted) is not { } port)
        {
            return $"container port {wanted} is not declared in ports";
        }

        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", port, cancellationToken);
        return null;
    }

    private async Task<string?> ExecAsync(ProbeTarget target, string[] command, CancellationToken cancellationToken)
    {
        if (command.Length == 0)
        {
            return "exec.command is empty";
        }

        using var process = await launcher.StartAsync(target.Spec with { Command = [.. command.Select(target.Rewrite)] });
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var error = await process.StandardError.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode == 0 ? null : $"exit code {process.ExitCode}: {(await output).Trim()} {error.Trim()}".Trim();
        }
        finally
        {
            ProcessLauncher.Kill(process);
        }
    }
}

/// <summary>What a probe looks at.</summary>
/// <param name="Probe">The probe of the manifest.</param>
/// <param name="Spec">Environment and folder of the container, for exec.</param>
/// <param name="Port">Local port of a container port.</param>
/// <param name="Rewrite">Mount paths to local ones.</param>
internal sealed record ProbeTarget(JsonObject Probe, ProcessSpec Spec, Func<string?, int?> Port, Func<string, string> Rewrite);
