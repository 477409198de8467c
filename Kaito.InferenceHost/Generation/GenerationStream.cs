using System.Collections.Immutable;
using System.Threading.Channels;

namespace Kaito.InferenceHost.Generation;

/// <summary>What a client sees of a running request. A closed set: match on all of it.</summary>
/// <param name="Choice">Position of the sequence in its call.</param>
internal abstract record GenerationEvent(int Choice)
{
    /// <param name="Choice">Position of the sequence in its call.</param>
    /// <param name="Value">Whole characters.</param>
    /// <param name="Tokens">What the text came from; those that gave no text yet are with the next event.</param>
    public sealed record Text(int Choice, string Value, EventTokens Tokens) : GenerationEvent(Choice);

    /// <summary>What the model expected of the prompt; before everything else of the sequence.</summary>
    /// <param name="Choice">Position of the sequence in its call.</param>
    /// <param name="Reports">One for each token of the prompt but the first.</param>
    public sealed record Prompt(int Choice, ImmutableArray<TokenReport> Reports) : GenerationEvent(Choice);

    /// <param name="Choice">Position of the sequence in its call.</param>
    /// <param name="Reason"><c>stop</c>, <c>length</c> or <c>abort</c>.</param>
    /// <param name="StopText">The stop string that ended it.</param>
    /// <param name="StopToken">The stop token of the request that ended it.</param>
    /// <param name="NewTokens">Generated tokens, end token included.</param>
    /// <param name="Tokens">Those that gave no text, such as the end token.</param>
    public sealed record Finished(
        int Choice, string Reason, string? StopText, int? StopToken, int NewTokens, EventTokens Tokens)
        : GenerationEvent(Choice);

    /// <summary>The engine lost the sequence. The message is for the client and names nothing internal.</summary>
    public sealed record Failed(int Choice, string Message) : GenerationEvent(Choice);
}

/// <summary>The tokens that one event is about.</summary>
/// <param name="Ids">In order.</param>
/// <param name="Reports">One for each of them; empty when nobody asked.</param>
/// <param name="Total">Tokens of the sequence up to here.</param>
internal sealed record EventTokens(ImmutableArray<int> Ids, ImmutableArray<TokenReport> Reports, int Total);

/// <summary>How a whole call ended.</summary>
/// <param name="Reasons">One per sequence; <c>error</c> for one that the engine lost.</param>
/// <param name="NewTokens">Of all sequences.</param>
internal sealed record StreamEnd(ImmutableArray<string> Reasons, int NewTokens);

/// <summary>The handle of one HTTP call: the events of its sequences, in order, one terminal event each.</summary>
internal sealed class GenerationStream
{
    private readonly Channel<GenerationEvent> _events;
    private readonly TaskCompletionSource<StreamEnd> _ended =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly string[] _reasons;
    private readonly int[] _cached;
    private int _newTokens;
    private volatile int _thoughts;
    private int _open;

    /// <param name="requests">At least one.</param>
    /// <param name="arrived">Timestamp of arrival.</param>
    /// <param name="cancelled">Cancelled when the client has left.</param>
    public GenerationStream(
        ImmutableArray<GenerationRequest> requests, long arrived, CancellationToken cancelled)
    {
        (Requests, Arrived, Cancelled, _open) = (requests, arrived, cancelled, requests.Length);
        _reasons = new string[requests.Length];
        _cached = new int[requests.Length];

        // The engine must never wait for a slow client. A sequence emits at most one event for its prompt, one text per
        // token, one held back and one terminal event, so a channel of that size makes every TryWrite succeed.
        var capacity = requests.Sum(request => (long)request.MaxNewTokens + 3);
        _events = Channel.CreateBounded<GenerationEvent>(
            new BoundedChannelOptions((int)long.Min(capacity, int.MaxValue)) { SingleReader = true });
    }

    public ImmutableArray<GenerationRequest> Requests { get; }

    public long Arrived { get; }

    public CancellationToken Cancelled { get; }

    /// <summary>Tokens of all prompts; a prompt sampled n times counts once per distinct prompt.</summary>
    public int PromptTokens => Requests.DistinctBy(request => request.Prompt).Sum(request => request.Prompt.Length);

    /// <summary>Those of them that were not computed but known.</summary>
    public int CachedTokens => Requests.Index().DistinctBy(static request => request.Item.Prompt)
        .Sum(request => _cached[request.Index]);

    /// <summary>Generated tokens that are thoughts.</summary>
    public int ThoughtTokens => _thoughts;

    public ChannelReader<GenerationEvent> Events => _events.Reader;

    /// <summary>Done when every sequence has ended; never for a call whose client left while it waited.</summary>
    public Task<StreamEnd> Ended => _ended.Task;

    /// <summary>More tokens of an answer were thoughts. Called by the engine's thread only, as what follows.</summary>
    public void CountThoughts(int tokens) => _thoughts += tokens;

    /// <summary>How much of the prompt of a sequence was known.</summary>
    public void CountCached(int choice, int tokens) => _cached[choice] = tokens;

    public void Emit(GenerationEvent item)
    {
        if (!_events.Writer.TryWrite(item))
        {
            throw new InvalidOperationException("A call emitted more events than its token budget.");
        }

        if (item is not (GenerationEvent.Finished or GenerationEvent.Failed))
        {
            return;
        }

        var end = item as GenerationEvent.Finished;
        _reasons[item.Choice] = end?.Reason ?? "error";
        _newTokens += end?.NewTokens ?? 0;
        if (--_open == 0)
        {
            _events.Writer.Complete();
            _ended.TrySetResult(new([.. _reasons], _newTokens));
        }
    }
}
