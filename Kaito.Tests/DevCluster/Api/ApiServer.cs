using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Kaito.DevCluster;
using Kaito.DevCluster.Api;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kaito.Tests.DevCluster.Api;

/// <summary>The whole dev cluster on loopback sockets, for plain requests and for the real kubectl.</summary>
public sealed class ApiServer : IAsyncLifetime
{
    private readonly string _state = Directory.CreateTempSubdirectory("kaito-api-").FullName;
    private readonly ErrorLog _errors = new();
    private readonly WebApplication _app;

    public ApiServer() => _app = DevClusterApp.Build(
        [
            "--state-dir", _state, "--listen", "http://127.0.0.1:0;https://127.0.0.1:0", "--Images:shell=/bin/sh",
            "--Images:python=/usr/bin/python3",
        ],
        builder => builder.Logging.AddProvider(_errors));

    /// <summary>Sends the token.</summary>
    internal HttpClient Http { get; } = new();

    internal string Folder => _state;

    internal IServiceProvider Services => _app.Services;

    /// <summary>What was logged as an error.</summary>
    internal IReadOnlyCollection<string> Errors => _errors.Lines;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await DevClusterApp.StartAsync(_app, Token);
        var addresses = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        Http.BaseAddress = new(addresses.First(static a => a.StartsWith("http:", StringComparison.Ordinal)));
        Http.DefaultRequestHeaders.Authorization =
            new AuthenticationHeaderValue("Bearer", _app.Services.GetRequiredService<ClusterAccess>().Token);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        _errors.Dispose();
        await _app.DisposeAsync();
        Directory.Delete(_state, recursive: true);
    }

    /// <summary>One request with a body of the given media type.</summary>
    internal async Task<(int Status, string Text, HttpResponseHeaders Headers)> SendAsync(
        string method, string path, string? body = null, string mediaType = "application/json")
    {
        using var request = new HttpRequestMessage(new(method), path);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.TryAddWithoutValidation("Content-Type", mediaType);
        }

        using var answer = await Http.SendAsync(request, Token);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(Token), answer.Headers);
    }

    /// <summary>A request that must succeed.</summary>
    internal async Task<JsonObject> JsonAsync(string method, string path, string? body = null)
    {
        var (status, text, _) = await SendAsync(method, path, body);
        Assert.True(status is >= 200 and < 300, $"{method} {path}: {status} {text}");
        return (JsonObject)JsonNode.Parse(text)!;
    }

    /// <summary>kubectl that must succeed; its trimmed output. Arguments with spaces stand in single quotes.</summary>
    internal async Task<string> KubectlAsync(string arguments, string? input = null)
    {
        var (code, output, error) = await RunAsync(arguments, input);
        Assert.True(code == 0, $"kubectl {arguments}: {error}{output}");
        return output.Trim();
    }

    /// <summary>kubectl with whatever end.</summary>
    internal async Task<(int Code, string Output, string Error)> RunAsync(
        string arguments, string? input = null, params (string Name, string Value)[] variables)
    {
        using var process = Start(arguments, variables);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
        limit.CancelAfter(TimeSpan.FromSeconds(90));
        await process.StandardInput.WriteAsync(input.AsMemory(), limit.Token);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(limit.Token);
        var error = process.StandardError.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, await output, await error);
    }

    /// <summary>A kubectl that keeps running, as with <c>-w</c>; the caller ends it.</summary>
    internal Process Start(string arguments, params (string Name, string Value)[] variables)
    {
        var start = new ProcessStartInfo("kubectl", Split(arguments))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["KUBECONFIG"] = _app.Services.GetRequiredService<KubeconfigFile>().Path;
        start.Environment["HOME"] = _state;
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }

        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            Assert.SkipWhen(
                Environment.GetEnvironmentVariable("KAITO_STRICT") != "1",
                $"kubectl is not on the PATH ({missing.Message}).");
            throw;
        }
    }

    private static IEnumerable<string> Split(string arguments) => arguments.Split('\'')
        .SelectMany(static (part, at) => at % 2 == 1 ? [part] : part.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    private sealed class ErrorLog : ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public IReadOnlyCollection<string> Lines => _lines;

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                _lines.Enqueue($"{formatter(state, exception)} {exception}");
            }
        }

        public void Dispose()
        {
        }
    }
}
