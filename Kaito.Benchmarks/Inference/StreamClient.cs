using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace Kaito.Benchmarks.Inference;

/// <summary>When the events of one streamed answer came.</summary>
/// <param name="Started">Timestamp of the request.</param>
/// <param name="Events">Timestamps of the events with text, in order.</param>
internal sealed record Streamed(long Started, List<long> Events)
{
    public double FirstMs => Events.Count == 0 ? 0 : Stopwatch.GetElapsedTime(Started, Events[0]).TotalMilliseconds;

    public IEnumerable<double> GapsMs => Events.Zip(
        Events.Skip(1), static (a, b) => Stopwatch.GetElapsedTime(a, b).TotalMilliseconds);
}

/// <summary>
/// Streams completions and keeps nothing but times. It shares its cores with the host, so it does no more than a load generator
/// must: a thread and a blocking socket for each answer.
/// </summary>
/// <param name="host">Its address.</param>
internal sealed class StreamClient(Uri host)
{
    private const int LongestWaitMs = 60_000;

    public Task<Streamed> AskAsync(LoadItem item, CancellationToken cancellationToken) => Task.Factory.StartNew(
        () => Ask(item, cancellationToken), cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private Streamed Ask(LoadItem item, CancellationToken cancellationToken)
    {
        var body = $$"""
            {"prompt":[{{string.Join(',', item.Prompt)}}],"max_tokens":{{item.NewTokens}},"temperature":0,
             "ignore_eos":true,"stream":true}
            """;
        var request = FormattableString.Invariant(
            $"POST /v1/completions HTTP/1.1\r\nHost: {host.Authority}\r\nContent-Type: application/json\r\n")
            + FormattableString.Invariant($"Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n\r\n{body}");
        var streamed = new Streamed(Stopwatch.GetTimestamp(), []);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp)
        {
            NoDelay = true,
            ReceiveTimeout = LongestWaitMs,
            SendTimeout = LongestWaitMs,
        };
        using var cut = cancellationToken.UnsafeRegister(static socket => ((Socket)socket!).Dispose(), socket);
        socket.Connect(host.Host, host.Port);
        socket.Send(Encoding.UTF8.GetBytes(request));
        var buffer = new byte[16 << 10];
        for (var first = true; socket.Receive(buffer) is > 0 and var read; first = false)
        {
            var now = Stopwatch.GetTimestamp();
            var bytes = buffer.AsSpan(0, read);
            if (first && !bytes.StartsWith("HTTP/1.1 200 "u8))
            {
                throw new InvalidOperationException($"The host answered: {Encoding.UTF8.GetString(bytes)}");
            }

            for (var events = bytes.Count("\n\n"u8); events > 0; events--)
            {
                streamed.Events.Add(now);
            }
        }

        return streamed;
    }

    /// <summary>All at once.</summary>
    /// <returns>Seconds until the last one ended, and what each saw.</returns>
    public async Task<(double Seconds, Streamed[] Seen)> TogetherAsync(
        LoadItem[] items, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var seen = await Task.WhenAll(items.Select(item => AskAsync(item, cancellationToken)));
        return (Stopwatch.GetElapsedTime(started).TotalSeconds, seen);
    }
}
