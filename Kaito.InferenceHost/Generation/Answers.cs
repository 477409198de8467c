using System.Text;
using System.Text.Json;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Generation;

/// <summary>One whole answer.</summary>
internal sealed record Answer(string Text, GenerationEvent.Finished End);

/// <summary>Gathers the events of a call for clients that do not stream.</summary>
internal static class Answers
{
    /// <returns>One answer per sequence, or the message of the first failure.</returns>
    public static async Task<(Answer[]? Answers, string? Failure)> CollectAsync(
        GenerationStream stream, CancellationToken cancellationToken)
    {
        var texts = stream.Requests.Select(_ => new StringBuilder()).ToArray();
        var ends = new GenerationEvent.Finished?[texts.Length];
        await foreach (var item in stream.Events.ReadAllAsync(cancellationToken))
        {
            switch (item)
            {
                case GenerationEvent.Text text:
                    texts[text.Choice].Append(text.Value);
                    break;
                case GenerationEvent.Finished end:
                    ends[end.Choice] = end;
                    break;
                case GenerationEvent.Failed failed:
                    return (null, failed.Message);
            }
        }

        return ([.. texts.Select((text, choice) => new Answer(text.ToString(), ends[choice]!))], null);
    }

    public static Usage Count(GenerationStream stream, int newTokens) =>
        new(stream.PromptTokens, stream.PromptTokens + newTokens, newTokens);

    /// <summary>The stop string or stop token of an ended answer, as the wire wants it.</summary>
    public static JsonElement? StopReason(GenerationEvent.Finished end) => end switch
    {
        { StopText: { } text } => JsonSerializer.SerializeToElement(text, ScalarJson.Default.String),
        { StopToken: { } token } => JsonSerializer.SerializeToElement(token, ScalarJson.Default.Int32),
        _ => null,
    };
}

[System.Text.Json.Serialization.JsonSerializable(typeof(string))]
[System.Text.Json.Serialization.JsonSerializable(typeof(int))]
internal sealed partial class ScalarJson : System.Text.Json.Serialization.JsonSerializerContext;
