using System.Diagnostics;
using System.Text;
using Kaito.DevCluster.Api;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Kaito.Tests.Operator.Crashes;

/// <summary>
/// The built operator as a process, killed (-9) and started again each time it has changed the cluster a number of
/// times; before it is told that the last change was made.
/// </summary>
internal sealed class CrashingOperator : IAsyncDisposable
{
    private readonly StringBuilder _output = new();
    private readonly List<string> _moments = [];
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _turn = new(1);
    private readonly IClusterStore _store;
    private readonly ResourceCatalog _catalog;
    private readonly string _kubeconfig;
    private Process? _process;
    private int _untilKill;

    /// <param name="cluster">Not started yet: the kills come from its request pipeline.</param>
    /// <param name="kubeconfig">That the cluster writes when it starts.</param>
    public CrashingOperator(WebApplication cluster, string kubeconfig)
    {
        _store = cluster.Services.GetRequiredService<IClusterStore>();
        _catalog = cluster.Services.GetRequiredService<ResourceCatalog>();
        _kubeconfig = kubeconfig;
        cluster.Use(WatchWritesAsync);
    }

    /// <summary>How many changes a process lives to make; 0 lets it live.</summary>
    public int ChangesPerLife { get; set; }

    /// <summary>The change after which each process was killed.</summary>
    public string[] Moments
    {
        get
        {
            lock (_gate)
            {
                return [.. _moments];
            }
        }
    }

    /// <summary>What the present process has printed.</summary>
    public string Output
    {
        get
        {
            lock (_gate)
            {
                return _output.ToString();
            }
        }
    }

    /// <summary>kill -9 of the present process, if there is one, and a new one.</summary>
    public async Task RestartAsync()
    {
        // The test restarts, and so does the request that carries the last change.
        await _turn.WaitAsync();
        try
        {
            await KillAsync();
            Start();
        }
        finally
        {
            _turn.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _turn.WaitAsync();
        ChangesPerLife = _untilKill = 0;
        await KillAsync();
        _process?.Dispose();
        _turn.Dispose();
    }

    private async Task KillAsync()
    {
        if (_process is { } process)
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
            process.Dispose();
            _process = null;
        }
    }

    private void Start()
    {
        var start = BuiltProject.StartInfo("Kaito.Operator", "--kubeconfig", _kubeconfig, "--install-crds");
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Keep(process, line.Data);
        process.ErrorDataReceived += (_, line) => Keep(process, line.Data);
        lock (_gate)
        {
            _output.Clear();
            _process = process;
            _untilKill = ChangesPerLife;
        }

        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    private Task WatchWritesAsync(HttpContext http, RequestDelegate next)
    {
        var request = http.Request;
        if (HttpMethods.IsGet(request.Method) || request.Headers.UserAgent != "kaito-operator")
        {
            return next(http);
        }

        // An event may be lost with the process that wanted to tell it; its loss is no moment of its own.
        var path = ApiPath.Parse(request.Path, _catalog);
        if (path.Name is null)
        {
            return next(http);
        }

        var before = Version(path.Key);
        http.Response.OnStarting(async () =>
        {
            if (Version(path.Key) != before && IsLast($"{request.Method} {request.Path}"))
            {
                await RestartAsync();
                http.Abort();
            }
        });
        return next(http);
    }

    private long? Version(ObjectKey key) => _store.Get(key) is { } found ? ObjectMeta.Version(found) : null;

    private bool IsLast(string change)
    {
        lock (_gate)
        {
            if (_untilKill == 0 || --_untilKill > 0)
            {
                return false;
            }

            _moments.Add(change);
            return true;
        }
    }

    private void Keep(Process process, string? line)
    {
        lock (_gate)
        {
            if (process == _process)
            {
                _output.AppendLine(line);
            }
        }
    }
}
