using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Kaito.RagEngine.Guardrails;
using Kaito.RagEngine.Metrics;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaito.Tests.RagEngine.Guardrails;

/// <summary>Streamed answers, from the model server's bytes to the client's.</summary>
public sealed class GuardedStreamTests
{
    private const string Sensitive = "blockMessage: no\nscanners:\n- type: sensitive\n";
    private const string Blocking = "blockMessage: no\nscanners:\n- type: ban_substrings\n  action: block\n  substrings: [classified]\n";

    private readonly RagMetrics _metrics = new(TimeProvider.System);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Relay_Redacts_AcrossEventsAndKeepsTheOthers()
    {
        var events = await RelayAsync(
            Sensitive,
            Event("""{"role":"assistant","content":""}"""),
            Event("""{"content":"Write to bob@exa"}"""),
            Event("""{"content":"mple.com or 10."}"""),
            Event("""{"content":"0.0.1 now"}"""),
            Event("""{"tool_calls":[{"index":0}]}"""),
            Event("""{"content":" bye"}""", "stop"),
            """{"id":"c1","choices":[],"usage":{"total_tokens":3}}""");

        Assert.Equal("Write to <EMAIL> or <IP_ADDRESS> now bye", Text(events));
        Assert.Equal("assistant", (string?)events[0]["choices"]![0]!["delta"]!["role"]);
        Assert.Single(
            events, static e => e["choices"] is JsonArray { Count: 1 } c && c[0]!["delta"]!["tool_calls"] is not null);
        Assert.Equal("stop", (string?)events[^2]["choices"]![0]!["finish_reason"]);
        Assert.Null(events[^2]["choices"]![0]!["delta"]!["content"]);
        Assert.Equal(3, (int)events[^1]["usage"]!["total_tokens"]!);
        Assert.All(events, static e => Assert.Equal("c1", (string?)e["id"]));
        Assert.Contains("final_action=\"redact\"} 1.0", _metrics.Render(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Relay_Blocked_EndsWithTheMessageAndNothingForbidden()
    {
        var events = await RelayAsync(
            Blocking,
            Event("""{"content":"All of it is cla"}"""),
            Event("""{"content":"ssified, he said."}"""),
            Event("""{"content":"More."}""", "stop"));

        Assert.Equal("All of it is no", Text(events));
        Assert.Equal("content_filter", (string?)events[^1]["choices"]![0]!["finish_reason"]);
        Assert.Contains("final_action=\"block\"} 1.0", _metrics.Render(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Relay_ContentInTheLastEvent_IsScannedToo()
    {
        var events = await RelayAsync(Sensitive, Event("""{"content":"bob@example.com"}""", "stop"));

        Assert.Equal("<EMAIL>", Text(events));
        Assert.DoesNotContain("bob@", string.Join('\n', events.Select(static e => e.ToJsonString())), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Relay_EndsWithoutAReason_ReleasesWhatWasHeld()
    {
        Assert.Equal("<EMAIL>", Text(await RelayAsync(Sensitive, Event("""{"content":"bob@example.com"}"""))));
    }

    [Fact]
    public async Task Relay_LogProbabilities_AreNotSent()
    {
        var events = await RelayAsync(
            Sensitive,
            """{"id":"c1","choices":[{"index":0,"delta":{"content":"bob@example.com "},"logprobs":{"content":[{"token":"bob"}]},"token_ids":[1],"finish_reason":null}]}""");

        Assert.DoesNotContain("bob", events.Single().ToJsonString(), StringComparison.Ordinal);
        Assert.DoesNotContain("token_ids", events.Single().ToJsonString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"choices":{}}""")]
    [InlineData("""{"id":"c1"}""")]
    [InlineData("""{"choices":[1]}""")]
    [InlineData("""{"choices":[{"delta":{}}]}""")]
    [InlineData("""{"choices":[{"index":"0","delta":{}}]}""")]
    [InlineData("""{"choices":[{"index":1,"delta":{"content":"a"}}]}""")]
    [InlineData("""{"choices":[{"index":0,"delta":{}},{"index":1,"delta":{}}]}""")]
    [InlineData("""{"choices":[{"index":0,"delta":"a"}]}""")]
    [InlineData("""{"choices":[{"index":0,"delta":{"content":1}}]}""")]
    [InlineData("""{"choices":[{"index":0,"delta":{"content":["bob"]}}]}""")]
    [InlineData("""{"choices":[{"index":0,"delta":{},"finish_reason":3}]}""")]
    public async Task Relay_EventThatCannotBeJudged_EndsTheAnswer(string json)
    {
        var events = await RelayAsync(Sensitive, Event("""{"content":"ok "}"""), json, Event("""{"content":"later"}"""));

        Assert.Equal("ok no", Text(events));
        Assert.Equal("content_filter", (string?)events[^1]["choices"]![0]!["finish_reason"]);
        Assert.Contains("final_action=\"fail_closed\"} 1.0", _metrics.Render(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Relay_TextAfterTheEnd_IsNotSent()
    {
        var events = await RelayAsync(
            Sensitive, Event("""{"content":"a"}""", "stop"), Event("""{"content":"bob@example.com"}"""));

        Assert.DoesNotContain("bob", string.Join('\n', events.Select(static e => e.ToJsonString())), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Relay_ErrorOfTheModelServer_ReachesTheClient()
    {
        var events = await RelayAsync(
            Sensitive, Event("""{"content":"a "}"""), """{"error":{"message":"engine died","type":"server_error"}}""");

        Assert.Equal("engine died", (string?)events[^1]["error"]!["message"]);
    }

    [Fact]
    public async Task Relay_FirstText_ComesWhileTheModelStillWrites()
    {
        var upstream = Channel.CreateBounded<ReadOnlyMemory<byte>>(4);
        await using var released = Guard(Sensitive)
            .ReleaseAsync(upstream.Reader.ReadAllAsync(Stop), "", Stop).GetAsyncEnumerator(Stop);

        await upstream.Writer.WriteAsync(Bytes($"data: {Event("""{"content":"Hello wor"}""")}\n\n"), Stop);
        Assert.True(await released.MoveNextAsync());

        Assert.Contains("\"content\":\"Hello \"", Encoding.UTF8.GetString(released.Current.Span), StringComparison.Ordinal);
    }

    private async Task<List<JsonObject>> RelayAsync(string policy, params string[] events)
    {
        var body = Bytes(": keep-alive\n\n" + string.Concat(events.Select(static e => $"data: {e}\r\n\r\n")) + "data: [DONE]\n\n");
        var sent = new StringBuilder();
        await foreach (var piece in Guard(policy).ReleaseAsync(Pieces(body), "", Stop))
        {
            sent.Append(Encoding.UTF8.GetString(piece.Span));
        }

        var frames = sent.ToString().Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("data: [DONE]", frames[^1]);
        return [.. frames[..^1].Select(static f => JsonNode.Parse(f["data: ".Length..])!.AsObject())];
    }

    // Seven bytes at a time: no piece is a whole event.
    private static async IAsyncEnumerable<ReadOnlyMemory<byte>> Pieces(ReadOnlyMemory<byte> body)
    {
        for (var at = 0; at < body.Length; at += 7)
        {
            await Task.Yield();
            yield return body.Slice(at, Math.Min(7, body.Length - at));
        }
    }

    private PolicyGuard Guard(string policy) => new(Policies.Whole(policy), new(_metrics, NullLogger<Verdicts>.Instance));

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static string Event(string delta, string? reason = null) =>
        $$"""{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{{delta}},"finish_reason":{{JsonSerializer.Serialize(reason)}}}]}""";

    private static string Text(IEnumerable<JsonObject> events) => string.Concat(events
        .Where(static e => e["choices"] is JsonArray { Count: > 0 })
        .Select(static e => (string?)e["choices"]![0]!["delta"]!["content"] ?? ""));
}
