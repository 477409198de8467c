using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Kaito.DevCluster.Pods;

/// <summary>What to start.</summary>
/// <param name="Command">Program and arguments.</param>
/// <param name="Variables">The whole environment beside the few variables that a process needs to find its runtime.</param>
/// <param name="Folder">Working directory.</param>
internal sealed record ProcessSpec(string[] Command, IReadOnlyDictionary<string, string> Variables, string Folder);

/// <summary>
/// Starts processes that die with this one, however it dies. On Linux the kernel sends them SIGKILL when the thread that
/// started them ends, so one thread that lives as long as the launcher starts them all.
/// </summary>
internal sealed class ProcessLauncher : IDisposable
{
    // Without these a .NET child cannot find its runtime or its temporary folder.
    private static readonly string[] s_inherited = ["PATH", "HOME", "TMPDIR", "LANG", "USER"];
    private static readonly string? s_setpriv = Array.Find(["/usr/bin/setpriv", "/bin/setpriv"], File.Exists);

    // One entry per container that starts at this moment; the callers wait for theirs.
    private readonly BlockingCollection<Action> _work = new(256);

    private readonly Thread _thread;

    public ProcessLauncher()
    {
        _thread = new(Work) { IsBackground = true, Name = "process-launcher" };
        _thread.Start();
    }

    /// <summary>Starts the process with its output redirected.</summary>
    /// <exception cref="Win32Exception">The program cannot be started.</exception>
    public Task<Process> StartAsync(ProcessSpec spec)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() =>
        {
            try
            {
                started.SetResult(Start(spec));
            }
            catch (Exception failure) when (failure is Win32Exception or InvalidOperationException or IOException)
            {
                started.SetException(failure);
            }
        });
        return started.Task;
    }

    /// <summary>Asks the process to end.</summary>
    public static void Terminate(Process process)
    {
        if (!OperatingSystem.IsWindows() && !process.HasExited)
        {
            _ = Signal(process.Id, 15);
        }
    }

    /// <summary>Ends the process and those it started.</summary>
    public static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception ended) when (ended is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It is gone already.
        }
    }

    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join(TimeSpan.FromSeconds(5));
        _work.Dispose();
    }

    private static Process Start(ProcessSpec spec)
    {
        var program = FindProgram(spec.Command[0], spec.Folder);
        var start = new ProcessStartInfo
        {
            FileName = s_setpriv ?? program,
            WorkingDirectory = spec.Folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var argument in s_setpriv is null ? [] : (string[])["--pdeathsig", "KILL", "--", program])
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var argument in spec.Command.AsSpan(1))
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var name in start.Environment.Keys.ToArray())
        {
            if (!s_inherited.Contains(name) && !name.StartsWith("DOTNET_", StringComparison.Ordinal))
            {
                start.Environment.Remove(name);
            }
        }

        foreach (var (name, value) in spec.Variables)
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        process.StandardInput.Close();
        return process;
    }

    // setpriv would hide a missing program behind an exit code.
    private static string FindProgram(string name, string folder)
    {
        var candidates = name.Contains('/')
            ? [Path.GetFullPath(name, folder)]
            : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(p => Path.Combine(p, name));
        return candidates.FirstOrDefault(File.Exists)
            ?? throw new Win32Exception(2, $"exec: \"{name}\": executable file not found");
    }

    private void Work()
    {
        foreach (var start in _work.GetConsumingEnumerable())
        {
            start();
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Signal(int process, int signal);
}
