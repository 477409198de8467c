using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Kaito.Benchmarks.LocalRuns;

/// <summary>The built AppHost as a process of its own, with a state folder of its own.</summary>
internal sealed partial class AppHostRun : IAsyncDisposable
{
    private const int Sigterm = 15;
    private const int KeptLines = 40;
    private static readonly TimeSpan s_startLimit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_stopLimit = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(20);

    private readonly Queue<string> _output = [];
    private readonly Process _process;
    private readonly string _folder;

    private AppHostRun(string folder)
    {
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        var assembly = Path.Combine(here.FullName, "..", "..", "Kaito.AppHost", here.Name, "Kaito.AppHost.dll");
        _folder = folder;
        _process = new()
        {
            StartInfo = new("dotnet", ["exec", Path.GetFullPath(assembly), "--state-dir", folder])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
        };
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
    }

    public string Kubeconfig => Path.Combine(_folder, "kubeconfig");

    /// <summary>From the start of the process until every resource was healthy or finished.</summary>
    public TimeSpan StartTook { get; private set; }

    /// <exception cref="TimeoutException">It did not come up, or ended; the message carries its output.</exception>
    public static async Task<AppHostRun> StartAsync(string folder, CancellationToken cancellationToken)
    {
        var run = new AppHostRun(folder);
        File.Delete(run.EndpointsFile);
        var started = Stopwatch.GetTimestamp();
        run._process.Start();
        run._process.BeginOutputReadLine();
        run._process.BeginErrorReadLine();
        try
        {
            while (!run.IsUp())
            {
                if (run._process.HasExited || Stopwatch.GetElapsedTime(started) > s_startLimit)
                {
                    throw new TimeoutException($"The AppHost did not come up:\n{run.LastOutput}");
                }

                await Task.Delay(s_look, TimeProvider.System, cancellationToken);
            }
        }
        catch
        {
            await run.DisposeAsync();
            throw;
        }

        run.StartTook = Stopwatch.GetElapsedTime(started);
        return run;
    }

    /// <summary>Sends SIGTERM and waits for the end.</summary>
    /// <returns>How long it took, or <see langword="null"/> when it did not end within 45 seconds.</returns>
    public async Task<TimeSpan?> StopAsync(CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        _ = Kill(_process.Id, Sigterm);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(s_stopLimit);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
            return Stopwatch.GetElapsedTime(started);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>The exit code of a run that has ended.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>The last lines that it printed.</summary>
    public string LastOutput
    {
        get
        {
            lock (_output)
            {
                return string.Join('\n', _output);
            }
        }
    }

    /// <summary>Ids and command lines of all processes that were started with this state folder.</summary>
    public string[] Processes() => [.. Directory.EnumerateDirectories("/proc")
        .Where(static folder => int.TryParse(Path.GetFileName(folder), out _))
        .Select(Describe)
        .OfType<string>()];

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        _process.Dispose();
    }

    private string EndpointsFile => Path.Combine(_folder, "endpoints.json");

    private static string? Read(string file)
    {
        try
        {
            return File.ReadAllText(file).Replace('\0', ' ');
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private string? Describe(string process)
    {
        var command = Read(Path.Combine(process, "cmdline"));
        var variables = Read(Path.Combine(process, "environ"));
        return $"{command}{variables}".Contains(_folder, StringComparison.Ordinal)
            ? $"{Path.GetFileName(process)} {command}"
            : null;
    }

    private bool IsUp()
    {
        if (!File.Exists(EndpointsFile))
        {
            return false;
        }

        using var endpoints = JsonDocument.Parse(File.ReadAllText(EndpointsFile));
        var states = endpoints.RootElement.GetProperty("resources").EnumerateArray()
            .Select(static resource => resource.GetProperty("state").GetString())
            .ToArray();
        return states.Length >= 4 && states.All(static state => state is "Healthy" or "Finished");
    }

    private void Keep(string? line)
    {
        lock (_output)
        {
            _output.Enqueue(line ?? "");
            if (_output.Count > KeptLines)
            {
                _output.Dequeue();
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
