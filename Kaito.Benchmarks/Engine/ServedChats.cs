using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Kaito.Benchmarks.Engine;

/// <summary>Chats over HTTP with the whole host, as clients have them.</summary>
internal sealed class ServedChats : IDisposable
{
    private readonly ServedHost _host;

    public ServedChats(string modelPath) => _host = new(modelPath);

    /// <summary>One after another.</summary>
    public Answered OneByOne(int chats, int newTokens)
    {
        var started = Stopwatch.GetTimestamp();
        var answers = Enumerable.Range(0, chats).Select(chat => Ask(chat, newTokens)).ToArray();
        return new(Stopwatch.GetElapsedTime(started), answers);
    }

    /// <summary>All at once, each on a thread of its own.</summary>
    public Answered Together(int chats, int newTokens)
    {
        var answers = new string[chats];
        var threads = Enumerable.Range(0, chats)
            .Select(chat => new Thread(() => answers[chat] = Ask(chat, newTokens)))
            .ToArray();
        var started = Stopwatch.GetTimestamp();
        foreach (var thread in threads)
        {
            thread.Start();
        }

        foreach (var thread in threads)
        {
            thread.Join();
        }

        return new(Stopwatch.GetElapsedTime(started), answers);
    }

    public void Dispose() => _host.Dispose();

    private string Ask(int chat, int newTokens)
    {
        var body = string.Create(
            CultureInfo.InvariantCulture,
            $$"""
            {"messages":[{"role":"user","content":"Question {{chat}}: what comes after {{chat * 7}}?"}],
             "temperature":0,"ignore_eos":true,"max_tokens":{{newTokens}}}
            """);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue("application/json")),
        };
        using var response = _host.Client.Send(request);
        response.EnsureSuccessStatusCode();
        using var answer = JsonDocument.Parse(response.Content.ReadAsStream());
        return answer.RootElement.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;
    }

    /// <param name="Elapsed">From the first request to the last answer.</param>
    /// <param name="Answers">One per chat.</param>
    internal sealed record Answered(TimeSpan Elapsed, string[] Answers);
}
