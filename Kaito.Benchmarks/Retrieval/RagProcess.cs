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

    private RagProcess(string folder, int? diskMiB, string? model)
    {
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        var assembly = Path.Combine(here.FullName, "..", "..", "Kaito.RagEngine", here.Name, "Kaito.RagEngine.dll");
        string[] command =
        [
            .. diskMiB is { } size ? OnDisk(folder, size) : [],
            "dotnet", "exec", Path.GetFullPath(assembly), "--urls", "http://127.0.0.1:0",
        ];
        _process = new()
        {
            StartInfo = new(command[0], command[1..])
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
        if (model is not null)
        {
            _process.StartInfo.Environment["EMBEDDING_SOURCE_TYPE"] = "local";
            _process.StartInfo.Environment["LOCAL_EMBEDDING_MODEL_ID"] = model;
        }

        _process.OutputDataReceived += (_, line) => Look(line.Data);
        _process.ErrorDataReceived += (_, line) => _ = line.Data is { } text && _address.TrySetException(new TimeoutException(text));
        _process.Exited += (_, _) => _address.TrySetException(new TimeoutException("The service ended while it started."));
    }

    public HttpClient Http { get; private set; } = new();

    public double PeakMiB => Status("VmHWM:");

    public double ResidentMiB => Status("VmRSS:");

    /// <param name="folder">For its files.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <param name="diskMiB">Puts the folder on a disk of its own of this size, which only the process sees.</param>
    /// <param name="model">Folder of an embedding model; null for the built-in embedder.</param>
    public static async Task<RagProcess> StartAsync(
        string folder, CancellationToken cancellationToken, int? diskMiB = null, string? model = null)
    {
        var started = new RagProcess(folder, diskMiB, model);
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

    /// <summary>Whether this machine lets a process mount a disk that only it sees.</summary>
    public static bool CanHaveDisk()
    {
        var folder = Directory.CreateTempSubdirectory("kaito-disk-");
        try
        {
            string[] command = [.. OnDisk(folder.FullName, 1), "true"];
            using var tried = Process.Start(new ProcessStartInfo(command[0], command[1..])
            {
                RedirectStandardError = true,
            });
            return tried!.WaitForExit(TimeSpan.FromSeconds(10)) && tried.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // There is no unshare.
            return false;
        }
        finally
        {
            folder.Delete();
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

    private static string[] OnDisk(string folder, int size) =>
    [
        "unshare", "--map-root-user", "--mount", "sh", "-c",
        string.Create(CultureInfo.InvariantCulture, $"mount -t tmpfs -o size={size}m none \"$0\" && exec \"$@\""), folder,
    ];

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
