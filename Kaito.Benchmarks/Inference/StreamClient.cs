using System.Diagnostics;
using System.Net.Http.Headers;
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

/// <summary>A client that streams completions and keeps nothing but times.</summary>
internal sealed class StreamClient(HttpClient client)
{
    public async Task<Streamed> AskAsync(LoadItem item, CancellationToken cancellationToken)
    {
        var body = $$"""
            {"prompt":[{{string.Join(',', item.Prompt)}}],"max_tokens":{{item.NewTokens}},"temperature":0,
             "ignore_eos":true,"stream":true}
            """;
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue("application/json")),
        };
        var streamed = new Streamed(Stopwatch.GetTimestamp(), []);
        using var response = await client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        response.EnsureSuccessStatusCode();
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        var buffer = new byte[16 << 10];
        while (await stream.ReadAsync(buffer, cancellationToken) is > 0 and var read)
        {
            var now = Stopwatch.GetTimestamp();
            for (var events = buffer.AsSpan(0, read).Count("\n\n"u8); events > 0; events--)
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
        var seen = await Task.WhenAll(items.Select(item => Task.Run(
            () => AskAsync(item, cancellationToken), cancellationToken)));
        return (Stopwatch.GetElapsedTime(started).TotalSeconds, seen);
    }
}
