using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Kaito.Benchmarks.Engine;
using Kaito.ModelBuilder.Tiny;

namespace Kaito.Benchmarks.Requests;

/// <summary>
/// Very many requests that are nearly right, against the whole host with the tiny model: no answer may be the server's
/// fault, no stream malformed, no request without an answer, and afterwards a right request is served as before.
/// </summary>
internal sealed class FuzzArea : IBenchArea
{
    private const int Clients = 16;

    public string Name => "fuzz";

    public async IAsyncEnumerable<Metric> MeasureAsync(
        bool quick, string scratch, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var path = Path.Combine(scratch, "tiny");
        TinyModel.Write(path);

        // A mutated request may ask for 16 answers of all the context there is; the short context bounds what those
        // before it in the queue can take.
        using var host = new ServedHost(path, static options => options with { MaxModelLength = 512 });
        var count = quick ? 5000 : 200_000;
        var seen = new ConcurrentDictionary<int, int>();
        var wrong = new ConcurrentBag<string>();
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(client => Task.Run(
            async () =>
            {
                var mutator = new RequestMutator(client);
                for (var i = 0; i < count / Clients; i++)
                {
                    var (route, body) = mutator.Next();
                    await SendAsync(host.Client, route, body, seen, wrong, cancellationToken);
                }
            },
            cancellationToken)));

        yield return new("fuzz.requests", seen.Values.Sum(), "", new(count, Bound.AtLeast));
        yield return new("fuzz.answered.2xx", Of(seen, 2), "");
        yield return new("fuzz.answered.4xx", Of(seen, 4), "");
        yield return new("fuzz.answered.5xx", Of(seen, 5), "", new(0, Bound.AtMost));
        yield return new("fuzz.malformed", wrong.Count, "", new(0, Bound.AtMost));
        yield return new("fuzz.rate", seen.Values.Sum() / Stopwatch.GetElapsedTime(started).TotalSeconds, "1/s");
        foreach (var example in wrong.Take(3))
        {
            await Console.Error.WriteLineAsync(example);
        }

        using var after = await host.Client.PostAsync(
            "/v1/completions", Json("""{"prompt":"ab","max_tokens":2}"""u8.ToArray()), cancellationToken);
        yield return new("fuzz.still.serves", after.IsSuccessStatusCode ? 1 : 0, "bool", new(1, Bound.AtLeast));
    }

    private static int Of(ConcurrentDictionary<int, int> seen, int hundreds) =>
        seen.Where(s => s.Key / 100 == hundreds).Sum(static s => s.Value);

    private static async Task SendAsync(
        HttpClient client, string route, byte[] body, ConcurrentDictionary<int, int> seen, ConcurrentBag<string> wrong,
        CancellationToken cancellationToken)
    {
        HttpResponseMessage answer;
        try
        {
            answer = await client.PostAsync(route, Json(body), cancellationToken);
        }
        catch (TaskCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            wrong.Add($"{route} {Encoding.UTF8.GetString(body)}\nno answer within {client.Timeout.TotalSeconds} s");
            return;
        }

        using var response = answer;
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        var status = (int)response.StatusCode;
        seen.AddOrUpdate(status, 1, static (_, n) => n + 1);
        if (status >= 500 || !IsWhole(response, text))
        {
            wrong.Add($"{route} {Encoding.UTF8.GetString(body)}\n{status} {text}");
        }
    }

    // JSON, or events of JSON of which the last one says that it is the last one.
    private static bool IsWhole(HttpResponseMessage response, string text)
    {
        try
        {
            if (response.Content.Headers.ContentType?.MediaType != "text/event-stream")
            {
                using var document = JsonDocument.Parse(text);
                return true;
            }

            var events = text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
            foreach (var data in events.Select(static e => e.Split('\n')[^1]).Where(static d => d != "data: [DONE]"))
            {
                using var document = JsonDocument.Parse(data["data: ".Length..]);
                if (document.RootElement.TryGetProperty("error", out _))
                {
                    return false;
                }
            }

            return text.EndsWith("\n\n", StringComparison.Ordinal)
                && (events[^1] == "data: [DONE]" || events[^1].StartsWith("event: response.", StringComparison.Ordinal));
        }
        catch (Exception malformed) when (malformed is JsonException or ArgumentOutOfRangeException)
        {
            return false;
        }
    }

    private static ByteArrayContent Json(byte[] body)
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }
}
