using System.Diagnostics;
using System.Globalization;

namespace Kaito.Benchmarks.Retrieval;

/// <summary>The built retrieval service as a process of its own, on a free port.</summary>
internal sealed class RagProcess : IAsyncDisposable
{
    private const string ListeningLine = "Now listening on: ";
    private static readonly TimeSpan s_startLimit = TimeSpan.FromMinutes(1);

    private readonly Process _process;
    private readonly TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private RagProcess(string folder)
    {
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        var assembly = Path.Combine(here.FullName, "..", "..", "Kaito.RagEngine", here.Name, "Kaito.RagEngine.dll");
        _process = new()
        {
            StartInfo = new("dotnet", ["exec", Path.GetFullPath(assembly), "--urls", "http://127.0.0.1:0"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                Environment =
                {
                    ["RAG_DATA_DIR"] = Path.Combine(folder, "live"),
                    ["DEFAULT_VECTOR_DB_PERSIST_DIR"] = Path.Combine(folder, "storage"),
                },
            },
            EnableRaisingEvents = true,
        };
        _process.OutputDataReceived += (_, line) => Look(line.Data);
        _process.ErrorDataReceived += (_, line) => _ = line.Data is { } text && _address.TrySetException(new TimeoutException(text));
        _process.Exited += (_, _) => _address.TrySetException(new TimeoutException("The service ended while it started."));
    }

    public HttpClient Http { get; private set; } = new();

    public double PeakMiB => Status("VmHWM:");

    public double ResidentMiB => Status("VmRSS:");

    public static async Task<RagProcess> StartAsync(string folder, CancellationToken cancellationToken)
    {
        var started = new RagProcess(folder);
        try
        {
            started._process.Start();
            started._process.BeginOutputReadLine();
            started._process.BeginErrorReadLine();
            started.Http.BaseAddress = await started._address.Task.WaitAsync(s_startLimit, cancellationToken);
            started.Http.Timeout = TimeSpan.FromMinutes(10);
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
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
        Http.Dispose();
        _process.Dispose();
    }

    private void Look(string? line)
    {
        if (line?.IndexOf(ListeningLine, StringComparison.Ordinal) is >= 0 and var at)
        {
            _address.TrySetResult(new(line[(at + ListeningLine.Length)..].Trim()));
        }
    }

    // Example: "VmRSS:	  123456 kB"
    private double Status(string name) => double.Parse(
        File.ReadLines($"/proc/{_process.Id}/status").First(l => l.StartsWith(name, StringComparison.Ordinal))
            .Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture) / 1024;
}
