using System.Globalization;
using System.Text;

namespace Kaito.DevCluster.Pods;

/// <summary>The output of one container: a file whose lines are <c>TIME TEXT</c>, and the same of the run before.</summary>
internal sealed class ContainerLog : IDisposable
{
    private readonly Lock _gate = new();
    private readonly StreamWriter _writer;
    private readonly TimeProvider _clock;

    /// <summary>Starts a new run: what was written before becomes the previous run.</summary>
    public ContainerLog(string folder, string container, TimeProvider clock)
    {
        _clock = clock;
        Directory.CreateDirectory(folder);
        var path = PathOf(folder, container, previous: false);
        if (File.Exists(path))
        {
            File.Move(path, PathOf(folder, container, previous: true), overwrite: true);
        }

        var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        _writer = new(file, new UTF8Encoding(false)) { AutoFlush = true };
    }

    public static string PathOf(string folder, string container, bool previous) =>
        Path.Combine(folder, previous ? $"{container}.previous.log" : $"{container}.log");

    /// <summary>Copies a stream of lines until it ends.</summary>
    public async Task CopyAsync(StreamReader source)
    {
        while (await source.ReadLineAsync() is { } line)
        {
            Write(line);
        }
    }

    public void Write(string line)
    {
        var time = _clock.GetUtcNow().UtcDateTime.ToString("O", CultureInfo.InvariantCulture);
        lock (_gate)
        {
            _writer.Write($"{time} {line}\n");
        }
    }

    public void Dispose() => _writer.Dispose();
}
