using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Generation;

/// <summary>One whole answer.</summary>
/// <param name="Text">All of it.</param>
/// <param name="End">How it ended.</param>
/// <param name="Tokens">All of its tokens.</param>
/// <param name="Prompt">What the model expected of its prompt; empty when nobody asked.</param>
internal sealed record Answer(
    string Text, GenerationEvent.Finished End, EventTokens Tokens, ImmutableArray<TokenReport> Prompt)
{
    /// <summary>Logarithm of the probability of the whole answer.</summary>
    public double Logprob => Tokens.Reports.Sum(static report => (double)report.Chosen.Logprob);
}

/// <summary>Gathers the events of a call for clients that do not stream.</summary>
internal static class Answers
{
    /// <returns>One answer per sequence, or the message of the first failure.</returns>
    public static async Task<(ImmutableArray<Answer> Answers, string? Failure)> CollectAsync(
        GenerationStream stream, CancellationToken cancellationToken)
    {
        var parts = stream.Requests.Select(static _ => new Gathered()).ToArray();
        await foreach (var item in stream.Events.ReadAllAsync(cancellationToken))
        {
            if (item is GenerationEvent.Failed failed)
            {
                return ([], failed.Message);
            }

            parts[item.Choice].Add(item);
        }

        return ([.. parts.Select(static part => part.Whole())], null);
    }

    /// <summary>The most probable answers of each prompt, where more were sampled than are wanted.</summary>
    /// <param name="answers">Prompt by prompt.</param>
    /// <param name="sampled">Answers of each prompt.</param>
    /// <param name="wanted">Answers to keep of each, at most <paramref name="sampled"/>.</param>
    public static ImmutableArray<Answer> Best(ImmutableArray<Answer> answers, int sampled, int wanted) =>
        sampled == wanted
            ? answers
            : [.. answers.Chunk(sampled).SelectMany(ofPrompt => ofPrompt.OrderByDescending(static a => a.Logprob).Take(wanted))];

    public static Usage Count(GenerationStream stream, int newTokens) =>
        new(stream.PromptTokens, stream.PromptTokens + newTokens, newTokens)
        {
            PromptTokensDetails = new(stream.CachedTokens),
            CompletionTokensDetails = new(stream.ThoughtTokens),
        };

    /// <summary>The stop string or stop token of an ended answer, as the wire wants it.</summary>
    public static JsonElement? StopReason(GenerationEvent.Finished end) => end switch
    {
        { StopText: { } text } => JsonSerializer.SerializeToElement(text, ScalarJson.Default.String),
        { StopToken: { } token } => JsonSerializer.SerializeToElement(token, ScalarJson.Default.Int32),
        _ => null,
    };

    private sealed class Gathered
    {
        private readonly StringBuilder _text = new();
        private readonly List<int> _ids = [];
        private readonly List<TokenReport> _reports = [];
        private ImmutableArray<TokenReport> _prompt = [];
        private GenerationEvent.Finished? _end;

        public void Add(GenerationEvent item)
        {
            switch (item)
            {
                case GenerationEvent.Prompt prompt:
                    _prompt = prompt.Reports;
                    break;
                case GenerationEvent.Text text:
                    _text.Append(text.Value);
                    Add(text.Tokens);
                    break;
                case GenerationEvent.Finished end:
                    _end = end;
                    Add(end.Tokens);
                    break;
            }
        }

        public Answer Whole() =>
            new(_text.ToString(), _end!, new([.. _ids], [.. _reports], _end!.NewTokens), _prompt);

        private void Add(EventTokens tokens)
        {
            _ids.AddRange(tokens.Ids);
            _reports.AddRange(tokens.Reports);
        }
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(string))]
[System.Text.Json.Serialization.JsonSerializable(typeof(int))]
internal sealed partial class ScalarJson : System.Text.Json.Serialization.JsonSerializerContext;
