using System.Buffers;
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
/// Streams completions and keeps nothing but times. It shares its cores with the host, as clients do not, so it does no more than
/// a load generator must.
/// </summary>
/// <param name="host">Its address.</param>
internal sealed class StreamClient(Uri host)
{
    private const int LongestWaitMs = 60_000;
    private const int MostAnswerBytes = 256 << 10;

    // SOL_SOCKET and SO_RCVLOWAT of Linux: a read waits for so many bytes, or the end.
    private const int SocketLevel = 1;
    private const int ReceiveLowWater = 18;

    // The shared pool keeps what a thread returns with that thread, and these end.
    private static readonly ArrayPool<byte> s_buffers = ArrayPool<byte>.Create(MostAnswerBytes, maxArraysPerBucket: 64);

    public Task<Streamed> AskAsync(LoadItem item, CancellationToken cancellationToken) => Task.Factory.StartNew(
        () => Ask(item, cancellationToken), cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>What each of several saw that were asked at once.</summary>
    public Task<Streamed[]> TogetherAsync(LoadItem[] items, CancellationToken cancellationToken) =>
        Task.WhenAll(items.Select(item => AskAsync(item, cancellationToken)));

    private Streamed Ask(LoadItem item, CancellationToken cancellationToken)
    {
        var streamed = new Streamed(Stopwatch.GetTimestamp(), []);
        using var socket = Send(item);
        using var cut = cancellationToken.UnsafeRegister(static socket => ((Socket)socket!).Dispose(), socket);
        var buffer = new byte[16 << 10];
        for (var first = true; socket.Receive(buffer) is > 0 and var read; first = false)
        {
            var now = Stopwatch.GetTimestamp();
            var bytes = buffer.AsSpan(0, read);
            RequireSuccess(bytes, first);
            for (var events = bytes.Count("\n\n"u8); events > 0; events--)
            {
                streamed.Events.Add(now);
            }
        }

        return streamed;
    }

    /// <summary>All at once, for how long they take: who sleeps until an answer is whole takes nothing of the host's cores.</summary>
    /// <returns>Seconds until the last one ended.</returns>
    public async Task<double> DrainAsync(LoadItem[] items, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(items.Select(item => Task.Factory.StartNew(
            () => Drain(item, cancellationToken), cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private void Drain(LoadItem item, CancellationToken cancellationToken)
    {
        using var socket = Send(item);
        using var cut = cancellationToken.UnsafeRegister(static socket => ((Socket)socket!).Dispose(), socket);
        socket.SetRawSocketOption(SocketLevel, ReceiveLowWater, BitConverter.GetBytes(MostAnswerBytes));
        var buffer = s_buffers.Rent(MostAnswerBytes);
        for (var first = true; socket.Receive(buffer) is > 0 and var read; first = false)
        {
            RequireSuccess(buffer.AsSpan(0, read), first);
        }

        s_buffers.Return(buffer);
    }

    private Socket Send(LoadItem item)
    {
        var body = $$"""
            {"prompt":[{{string.Join(',', item.Prompt)}}],"max_tokens":{{item.NewTokens}},"temperature":0,
             "ignore_eos":true,"stream":true}
            """;
        var request = FormattableString.Invariant(
            $"POST /v1/completions HTTP/1.1\r\nHost: {host.Authority}\r\nContent-Type: application/json\r\n")
            + FormattableString.Invariant($"Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n\r\n{body}");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp)
        {
            NoDelay = true,
            ReceiveTimeout = LongestWaitMs,
            SendTimeout = LongestWaitMs,
        };
        socket.Connect(host.Host, host.Port);
        socket.Send(Encoding.UTF8.GetBytes(request));
        return socket;
    }

    private static void RequireSuccess(ReadOnlySpan<byte> bytes, bool first)
    {
        if (first && !bytes.StartsWith("HTTP/1.1 200 "u8))
        {
            throw new InvalidOperationException($"The host answered: {Encoding.UTF8.GetString(bytes)}");
        }
    }
}
