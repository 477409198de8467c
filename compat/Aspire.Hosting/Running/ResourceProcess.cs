using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Aspire.Hosting.Running;

/// <summary>What to start.</summary>
internal sealed record ProcessSpec(
    string Name, string Command, IReadOnlyList<string> Args, string WorkingDirectory, IReadOnlyDictionary<string, string> Environment);

/// <summary>One running process whose output goes to the log and which does not outlive this one.</summary>
internal sealed partial class ResourceProcess : IDisposable
{
    private const int Sigterm = 15;
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(6);
    private static readonly string? s_setpriv = FindOnPath("setpriv");

    private readonly Process _process;

    private ResourceProcess(Process process) => _process = process;

    public int ExitCode => _process.ExitCode;

    /// <exception cref="System.ComponentModel.Win32Exception">The program does not exist or may not run.</exception>
    public static ResourceProcess Start(ProcessSpec spec, ResourceLog log)
    {
        var start = new ProcessStartInfo
        {
            FileName = spec.Command,
            WorkingDirectory = spec.WorkingDirectory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        if (s_setpriv is not null)
        {
            // The kernel kills the child when this process dies, however it dies.
            start.FileName = s_setpriv;
            start.ArgumentList.Add("--pdeathsig");
            start.ArgumentList.Add("KILL");
            start.ArgumentList.Add("--");
            start.ArgumentList.Add(spec.Command);
        }

        foreach (var arg in spec.Args)
        {
            start.ArgumentList.Add(arg);
        }

        foreach (var (name, value) in spec.Environment)
        {
            start.Environment[name] = value;
        }

        var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        process.OutputDataReceived += (_, line) => Log(line.Data);
        process.ErrorDataReceived += (_, line) => Log(line.Data);
        SpawnThread.Run(() => process.Start());
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return new(process);

        void Log(string? line)
        {
            if (line is not null)
            {
                log.Write(spec.Name, line);
            }
        }
    }

    public Task WaitForExitAsync(CancellationToken cancellationToken) => _process.WaitForExitAsync(cancellationToken);

    /// <summary>SIGTERM, then after six seconds SIGKILL to the tree.</summary>
    public async Task StopAsync(TimeProvider time)
    {
        if (_process.HasExited)
        {
            return;
        }

        if (!OperatingSystem.IsWindows())
        {
            _ = Kill(_process.Id, Sigterm);
        }

        using var grace = new CancellationTokenSource(OperatingSystem.IsWindows() ? TimeSpan.Zero : s_grace, time);
        try
        {
            await _process.WaitForExitAsync(grace.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync(CancellationToken.None);
        }
    }

    public void Dispose() => _process.Dispose();

    private static string? FindOnPath(string program) => OperatingSystem.IsLinux()
        ? (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists)
        : null;

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}

/// <summary>
/// Starts processes from one thread that lives as long as this process: the parent-death signal of Linux fires when the
/// <em>thread</em> that forked ends, and pool threads do.
/// </summary>
internal static class SpawnThread
{
    private const int QueueLength = 64;

    private static readonly System.Collections.Concurrent.BlockingCollection<Action> s_work = new(QueueLength);

    static SpawnThread() => new Thread(Loop) { IsBackground = true, Name = "spawn" }.Start();

    /// <summary>Runs an action there, and rethrows here what it throws.</summary>
    public static void Run(Action action)
    {
        using var done = new ManualResetEventSlim();
        System.Runtime.ExceptionServices.ExceptionDispatchInfo? failure = null;
        s_work.Add(() =>
        {
            try
            {
                action();
            }
            catch (Exception exception)
            {
                failure = System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(exception);
            }
            finally
            {
                done.Set();
            }
        });
        done.Wait();
        failure?.Throw();
    }

    private static void Loop()
    {
        foreach (var action in s_work.GetConsumingEnumerable())
        {
            action();
        }
    }
}
