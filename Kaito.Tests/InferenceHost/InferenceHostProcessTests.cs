using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Kaito.Tests.InferenceHost.Engine;

namespace Kaito.Tests.InferenceHost;

/// <summary>The host as its own process: what a platform sees that starts and ends it.</summary>
public sealed partial class InferenceHostProcessTests(TinyModelFixture tiny) : IAsyncDisposable
{
    // Half of the slots: a call that comes before the end is known is answered at once and not after the stream.
    private const int Choices = 8;

    private const int Sigterm = 15;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    private readonly HttpClient _client = new() { Timeout = s_limit };
    private Process? _process;

    [Fact]
    public async Task Sigterm_DuringAStream_FinishesItRefusesNewWorkAndExitsWithZero()
    {
        await StartAsync("--shutdown-timeout", "120");
        using var stream = await StreamAsync(maxTokens: 2400);
        using var reader = new StreamReader(
            await stream.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        Assert.StartsWith("data: {", await NextLineAsync(reader), StringComparison.Ordinal);

        Terminate();
        await Eventually.TrueAsync(
            IsRefusedAsync, s_limit, () => "A 503 with Retry-After.", TestContext.Current.CancellationToken);
        var reasons = await FinishReasonsAsync(reader);

        Assert.Equal(Choices, reasons.Count);
        Assert.All(reasons, static reason => Assert.Equal("length", reason));
        Assert.Equal(0, await ExitCodeAsync());
    }

    [Fact]
    public async Task Sigterm_PastTheGrace_AbortsTheStreamAndExitsWithZero()
    {
        await StartAsync("--shutdown-timeout", "0");
        using var stream = await StreamAsync(maxTokens: 4000);
        using var reader = new StreamReader(
            await stream.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        Assert.StartsWith("data: {", await NextLineAsync(reader), StringComparison.Ordinal);

        Terminate();
        var reasons = await FinishReasonsAsync(reader);

        Assert.Contains("abort", reasons);
        Assert.Equal(0, await ExitCodeAsync());
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        if (_process is { HasExited: false })
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        _process?.Dispose();
    }

    private async Task StartAsync(params string[] args)
    {
        const string Listening = "Now listening on: ";
        _process = Process.Start(BuiltProject.StartInfo(
            "Kaito.InferenceHost", ["--model-path", tiny.Folder.Path, "--port", "0", .. args]))!;
        _process.ErrorDataReceived += static (_, _) => { };
        _process.BeginErrorReadLine();
        while (_client.BaseAddress is null)
        {
            var line = await NextLineAsync(_process.StandardOutput);
            var at = line.IndexOf(Listening, StringComparison.Ordinal);
            _client.BaseAddress = at < 0 ? null : new(line[(at + Listening.Length)..]);
        }

        // Nobody reads further: what it logs in these tests fits the pipe.
        await Eventually.TrueAsync(
            IsHealthyAsync, s_limit, () => "/health is 200.", TestContext.Current.CancellationToken);
    }

    private async Task<bool> IsHealthyAsync()
    {
        using var health = await _client.GetAsync("/health", TestContext.Current.CancellationToken);
        return health.IsSuccessStatusCode;
    }

    private async Task<bool> IsRefusedAsync()
    {
        using var answer = await _client.PostAsync(
            "/v1/completions",
            InferenceHostFixture.Json("""{"prompt":"x","max_tokens":1}"""),
            TestContext.Current.CancellationToken);
        return (int)answer.StatusCode == 503 && answer.Headers.RetryAfter is not null;
    }

    private Task<HttpResponseMessage> StreamAsync(int maxTokens)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = InferenceHostFixture.Json($$"""
                {"prompt":"What is a node?","n":{{Choices}},"max_tokens":{{maxTokens}},"ignore_eos":true,"stream":true}
                """),
        };
        return _client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    // A process that sends it would take longer to start than the answer takes.
    private void Terminate() => Assert.Equal(0, Kill(_process!.Id, Sigterm));

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    private async Task<int> ExitCodeAsync()
    {
        await _process!.WaitForExitAsync(TestContext.Current.CancellationToken)
            .WaitAsync(s_limit, TestContext.Current.CancellationToken);
        return _process.ExitCode;
    }

    /// <summary>Reads to the end marker; fails when the stream ends without it.</summary>
    private static async Task<List<string>> FinishReasonsAsync(StreamReader reader)
    {
        var reasons = new List<string>();
        for (var line = await NextLineAsync(reader); line != "data: [DONE]"; line = await NextLineAsync(reader))
        {
            if (line.Length > 0)
            {
                using var chunk = JsonDocument.Parse(line["data: ".Length..]);
                var reason = chunk.RootElement.GetProperty("choices")[0].GetProperty("finish_reason").GetString();
                reasons.AddRange(reason is null ? [] : [reason]);
            }
        }

        return reasons;
    }

    private static async Task<string> NextLineAsync(StreamReader reader)
    {
        var line = await reader.ReadLineAsync(TestContext.Current.CancellationToken).AsTask()
            .WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.NotNull(line);
        return line;
    }
}
