using System.Diagnostics;
using System.Globalization;

namespace Kaito.Benchmarks.Scale;

/// <summary>The built operator as a process of its own.</summary>
internal sealed class OperatorProcess : IAsyncDisposable
{
    private const string ReconciledLine = "Workspace ";
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);

    private readonly Process _process;
    private readonly HashSet<string> _reconciled = [];
    private readonly TaskCompletionSource _started = new();

    private OperatorProcess(string kubeconfig)
    {
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        var assembly = Path.Combine(here.FullName, "..", "..", "Kaito.Operator", here.Name, "Kaito.Operator.dll");
        _process = new()
        {
            StartInfo = new("dotnet", ["exec", Path.GetFullPath(assembly), "--kubeconfig", kubeconfig, "--install-crds"])
            {
                RedirectStandardOutput = true,
                Environment = { ["ASPNETCORE_URLS"] = "http://127.0.0.1:0" },
            },
        };
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
    }

    /// <summary>Workspaces that this process has looked at.</summary>
    public int Reconciled
    {
        get
        {
            lock (_reconciled)
            {
                return _process.HasExited
                    ? throw new TimeoutException($"The operator ended with {_process.ExitCode}.")
                    : _reconciled.Count;
            }
        }
    }

    public double PeakMiB => Status("VmHWM:");

    /// <summary>Waits until the controllers run.</summary>
    public async Task UntilStartedAsync(CancellationToken cancellationToken)
    {
        for (var looks = 0; !_started.Task.IsCompleted; looks++)
        {
            _ = looks < 120 && Reconciled >= 0 ? looks : throw new TimeoutException("The operator has not started.");
            await Task.Delay(s_look, TimeProvider.System, cancellationToken);
        }
    }

    public static OperatorProcess Start(string kubeconfig)
    {
        var started = new OperatorProcess(kubeconfig);
        started._process.Start();
        started._process.BeginOutputReadLine();
        return started;
    }

    /// <summary>Resident memory when it has stopped changing.</summary>
    public async Task<double> RestingMiBAsync(CancellationToken cancellationToken)
    {
        var (last, now) = (0.0, Status("VmRSS:"));
        for (var looks = 0; looks < 30 && Math.Abs(now - last) > 0.5; looks++)
        {
            await Task.Delay(s_look, TimeProvider.System, cancellationToken);
            (last, now) = (now, Status("VmRSS:"));
        }

        return now;
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }

    // Example: "VmRSS:	  123456 kB"
    private double Status(string name) => _process.HasExited
        ? throw new TimeoutException($"The operator ended with {_process.ExitCode}.")
        : double.Parse(
            File.ReadLines($"/proc/{_process.Id}/status").First(l => l.StartsWith(name, StringComparison.Ordinal))
                .Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture) / 1024;

    // Example: "      Workspace default/workspace-00001 is Ready: 8 objects planned, 0 to remove"
    private void Keep(string? line)
    {
        var text = line?.TrimStart() ?? "";
        if (text.Contains("has read the cluster and starts", StringComparison.Ordinal))
        {
            _started.TrySetResult();
        }

        if (text.StartsWith(ReconciledLine, StringComparison.Ordinal) && text.Split(' ') is [_, var key, "is", ..])
        {
            lock (_reconciled)
            {
                _reconciled.Add(key);
            }
        }
    }
}
