using System.Buffers;
using System.Text;
using System.Text.Json;
using Kaito.OpenAI;

namespace Kaito.Tests.OpenAI;

public sealed class ServerSentEventsTests
{
    [Fact]
    public async Task ReadAsync_WhatWriteWrote_GivesItBack()
    {
        var output = new ArrayBufferWriter<byte>();
        ServerSentEvents.Write(output, Chunk("héllo \n\"😀\""), OpenAIJson.Default.ChatCompletionChunk);
        ServerSentEvents.Write(output, Chunk("b"), OpenAIJson.Default.ChatCompletionChunk);
        ServerSentEvents.WriteDone(output);

        Assert.Equal(["héllo \n\"😀\"", "b"], await TextsAsync(new MemoryStream(output.WrittenMemory.ToArray())));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public async Task ReadAsync_CutAnywhere_GivesTheSameEvents(int piece)
    {
        var text = Line("é") + "\n\n" + Line("😀") + "\n\ndata: [DONE]\n\n";

        Assert.Equal(["é", "😀"], await TextsAsync(new Pieces(Encoding.UTF8.GetBytes(text), piece)));
    }

    [Fact]
    public async Task ReadAsync_EveryFormOfLine_IsUnderstood()
    {
        var text = "\uFEFF: comment\r\n\r\nevent: message\r\nid: 7\r\nretry: 10\r\n" + Line("a") + "\r\n\r\n"
            + Line("b").Replace("data: ", "data:", StringComparison.Ordinal) + "\n\n"
            + ": keep-alive\n\n\n"
            + Line("c").Replace(",\"choices", ",\ndata: \"choices", StringComparison.Ordinal) + "\n\n"
            + "data: [DONE]\n\n";

        Assert.Equal(["a", "b", "c"], await TextsAsync(Body(text)));
    }

    [Fact]
    public async Task ReadAsync_AfterTheMarker_ReadsNothing() =>
        Assert.Equal(["a"], await TextsAsync(Body(Line("a") + "\n\ndata: [DONE]\n\ndata: broken\n\n")));

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("\n\n")]
    public async Task ReadAsync_EndsWithoutMarker_GivesWhatCame(string end) =>
        Assert.Equal(["a", "b"], await TextsAsync(Body(Line("a") + "\n\n" + Line("b") + end)));

    [Theory]
    [InlineData("")]
    [InlineData("data: [DONE]")]
    [InlineData(": only a comment\n\n")]
    public async Task ReadAsync_NoEvents_IsEmpty(string text) => Assert.Empty(await TextsAsync(Body(text)));

    [Fact]
    public async Task ReadAsync_ErrorInTheStream_IsThrownWithWhatTheServerSaid()
    {
        var seen = new List<string>();
        var body = Body(Line("a") + "\n\n"
            + """data: { "error" : {"message":"lost","type":"InternalServerError","param":null,"code":500}}""" + "\n\n");

        var error = await Assert.ThrowsAsync<EventStreamException>(async () =>
        {
            await foreach (var chunk in ReadAsync(body))
            {
                seen.Add(chunk.Choices[0].Delta.Content!);
            }
        });

        Assert.Equal(["a"], seen);
        Assert.Equal(("lost", "InternalServerError", 500), (error.Error.Message, error.Error.Type, error.Error.Code));
    }

    [Theory]
    [InlineData("data: null\n\n")]
    [InlineData("data: {\n\n")]
    [InlineData("data: []\n\n")]
    [InlineData("data: hello\n\n")]
    public async Task ReadAsync_NotTheExpectedJson_IsAJsonException(string text) =>
        await Assert.ThrowsAnyAsync<JsonException>(() => TextsAsync(Body(text)));

    [Theory]
    [InlineData("x")]
    [InlineData("data: 0123456789\n")]
    public async Task ReadAsync_EventWithoutEnd_IsRefusedAtTheLimit(string pattern)
    {
        var body = new Endless(Encoding.UTF8.GetBytes(pattern));

        await Assert.ThrowsAsync<InvalidDataException>(() => TextsAsync(body));

        Assert.InRange(body.Given, 4 << 20, 9 << 20);
    }

    [Fact]
    public async Task ReadAsync_Cancelled_Stops()
    {
        using var cancel = new CancellationTokenSource();
        await using var events = ServerSentEvents.ReadAsync(
            new Endless(Encoding.UTF8.GetBytes(Line("a") + "\n\n")),
            OpenAIJson.Default.ChatCompletionChunk,
            cancel.Token).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await events.MoveNextAsync());

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            while (await events.MoveNextAsync())
            {
                Assert.Equal("a", events.Current.Choices[0].Delta.Content);
            }
        });
    }

    private static ChatCompletionChunk Chunk(string text) =>
        new("id", 1, "m", [new(0, new(Content: text), null)]);

    private static string Line(string text) =>
        $$$"""data: {"id":"i","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"{{{text}}}"}}]}""";

    private static MemoryStream Body(string text) => new(Encoding.UTF8.GetBytes(text));

    private static IAsyncEnumerable<ChatCompletionChunk> ReadAsync(Stream body) => ServerSentEvents.ReadAsync(
        body, OpenAIJson.Default.ChatCompletionChunk, TestContext.Current.CancellationToken);

    private static async Task<string[]> TextsAsync(Stream body) =>
        await ReadAsync(body).Select(static chunk => chunk.Choices[0].Delta.Content!)
            .ToArrayAsync(TestContext.Current.CancellationToken);

    /// <summary>Gives at most so many bytes a read, as a slow network does.</summary>
    private sealed class Pieces(byte[] bytes, int most) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..int.Min(most, buffer.Length)], cancellationToken);
    }

    /// <summary>One pattern over and over.</summary>
    private sealed class Endless(byte[] pattern) : MemoryStream
    {
        public long Given { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var span = buffer.Span;
            for (var i = 0; i < span.Length; i++)
            {
                span[i] = pattern[Given++ % pattern.Length];
            }

            return ValueTask.FromResult(span.Length);
        }
    }
}
