using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Kaito.Tests.Support;

/// <summary>The whole application as a user starts it, with a state folder of its own.</summary>
internal sealed partial class LocalRun : IAsyncDisposable
{
    private const int Sigint = 2;
    private const int Sigterm = 15;
    private static readonly TimeSpan s_startLimit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_stopLimit = TimeSpan.FromSeconds(45);

    private readonly StringBuilder _output = new();
    private readonly Process _process;

    private LocalRun(string folder, Process process) => (Folder, _process) = (folder, process);

    /// <summary>The state folder.</summary>
    public string Folder { get; }

    public string Kubeconfig => Path.Combine(Folder, "kubeconfig");

    /// <summary>Everything printed so far.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    /// <summary>Skips the test on a machine without kubectl, unless skipping is forbidden.</summary>
    public static void RequireKubectl() => Assert.SkipWhen(
        !OnPath("kubectl") && Environment.GetEnvironmentVariable("KAITO_STRICT") != "1", "kubectl is not on the PATH.");

    /// <summary>Starts the AppHost and returns once every resource is healthy or finished.</summary>
    public static Task<LocalRun> StartAsync(string folder, CancellationToken cancellationToken) =>
        StartAsync(folder, BuiltProject.StartInfo("Kaito.AppHost", "--state-dir", folder), cancellationToken);

    /// <summary>Starts the AppHost with <c>dotnet run</c>, as a terminal does: a process group of its own.</summary>
    public static Task<LocalRun> StartWithDotnetRunAsync(string folder, CancellationToken cancellationToken)
    {
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Name;
        return StartAsync(
            folder,
            new("setsid",
            [
                // What starts the tests in the background may have them ignore Ctrl+C.
                "env", "--default-signal=INT",
                "dotnet", "run", "--project", "Kaito.AppHost", "--no-build", "--configuration", configuration,
                "--", "--state-dir", folder,
            ])
            {
                WorkingDirectory = Repository.Root,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
            cancellationToken);
    }

    private static async Task<LocalRun> StartAsync(
        string folder, ProcessStartInfo start, CancellationToken cancellationToken)
    {
        var run = new LocalRun(folder, new() { StartInfo = start });
        run._process.OutputDataReceived += (_, line) => run.Keep(line.Data);
        run._process.ErrorDataReceived += (_, line) => run.Keep(line.Data);
        File.Delete(run.EndpointsFile);
        run._process.Start();
        run._process.BeginOutputReadLine();
        run._process.BeginErrorReadLine();
        try
        {
            await Eventually.TrueAsync(
                () => Task.FromResult(run.IsUp()),
                s_startLimit,
                () => $"Not everything is up:\n{run.Output}",
                cancellationToken);
            return run;
        }
        catch
        {
            await run.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Runs kubectl against the run's cluster and returns what it printed; fails the test on a non-zero exit.
    /// </summary>
    public async Task<string> KubectlAsync(CancellationToken cancellationToken, params string[] args)
    {
        using var kubectl = Process.Start(new ProcessStartInfo("kubectl", ["--kubeconfig", Kubeconfig, .. args])
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = kubectl.StandardOutput.ReadToEndAsync(cancellationToken);
        var error = kubectl.StandardError.ReadToEndAsync(cancellationToken);
        await kubectl.WaitForExitAsync(cancellationToken);
        Assert.True(kubectl.ExitCode == 0, $"kubectl {string.Join(' ', args)}\n{await error}\n{Output}");
        return await output;
    }

    /// <summary>
    /// Process ids of everything that was started with this state folder, this run's own process included.
    /// </summary>
    public int[] Processes() => [.. Directory.EnumerateDirectories("/proc")
        .Select(static folder => int.TryParse(Path.GetFileName(folder), out var id) ? id : -1)
        .Where(id => id > 0 && Mentions(id, Folder))];

    /// <summary>Stops as <c>docker stop</c> or a service manager would, and returns the exit code.</summary>
    public Task<int> StopAsync() => EndAsync(_process.Id, Sigterm);

    /// <summary>Stops a run of <c>dotnet run</c> as Ctrl+C does, which reaches the whole process group.</summary>
    public Task<int> InterruptAsync() => EndAsync(-_process.Id, Sigint);

    /// <summary>kill -9 of the AppHost alone.</summary>
    public async Task KillAsync()
    {
        _process.Kill(entireProcessTree: false);
        await _process.WaitForExitAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        _process.Dispose();
    }

    private async Task<int> EndAsync(int target, int signal)
    {
        _ = Kill(target, signal);
        using var limit = new CancellationTokenSource(s_stopLimit, TimeProvider.System);
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    private string EndpointsFile => Path.Combine(Folder, "endpoints.json");

    public static bool OnPath(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator)
        .Any(folder => File.Exists(Path.Combine(folder, program)));

    private static bool Mentions(int process, string text)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline").Contains(text, StringComparison.Ordinal)
                || File.ReadAllText($"/proc/{process}/environ").Contains(text, StringComparison.Ordinal);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private bool IsUp()
    {
        Assert.False(_process.HasExited, $"The AppHost ended:\n{Output}");
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
            _output.AppendLine(line);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
