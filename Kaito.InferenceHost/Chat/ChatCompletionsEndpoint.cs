using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Http;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Chat;

/// <summary><c>POST /v1/chat/completions</c>: parse, submit, relay. No model logic lives here.</summary>
internal static class ChatCompletionsEndpoint
{
    public static void MapChatCompletions(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/chat/completions", HandleAsync).WithName("CreateChatCompletion").WithTags("Chat");

    internal static async Task<IResult> HandleAsync(HttpContext http, GenerationScheduler scheduler, TimeProvider clock)
    {
        if (scheduler.Model is not { } model)
        {
            return OpenAIResults.Unavailable(http, scheduler.State);
        }

        var wire = await RequestBody.ReadAsync(http, OpenAIJson.Default.ChatCompletionRequest);
        if (wire.Model is { Length: > 0 } name && name != model.Name)
        {
            return OpenAIResults.UnknownModel(name, model.Name);
        }

        if (!ChatRequestParser.Parse(wire, model).TryGet(out var call, out var errors))
        {
            return OpenAIResults.Invalid(errors);
        }

        if (!scheduler.TrySubmit(call.Requests, http.RequestAborted, out var stream))
        {
            return OpenAIResults.Unavailable(http, scheduler.State);
        }

        var id = CallId.Create("chatcmpl-", http);
        var created = clock.GetUtcNow().ToUnixTimeSeconds();
        return wire.Stream is true
            ? new EventStreamResult<ChatCompletionChunk>(
                stream, wire.StreamOptions, Chunks(id, created, model.Name), OpenAIJson.Default.ChatCompletionChunk)
            : await WholeAsync(stream, id, created, model.Name, http.RequestAborted);
    }

    private static async Task<IResult> WholeAsync(
        GenerationStream stream, string id, long created, string model, CancellationToken cancellationToken)
    {
        var (answers, failure) = await Answers.CollectAsync(stream, cancellationToken);
        return answers is null
            ? OpenAIResults.Failed(failure!)
            : TypedResults.Json(
                new ChatCompletion(
                    id,
                    created,
                    model,
                    [.. answers.Select(answer => new ChatChoice(
                        answer.End.Choice, new(answer.Text), answer.End.Reason, Answers.StopReason(answer.End)))],
                    Answers.Count(stream, answers.Sum(answer => answer.End.NewTokens))),
                OpenAIJson.Default.ChatCompletion);
    }

    private static ChunkShapes<ChatCompletionChunk> Chunks(string id, long created, string model)
    {
        return new(
            choice => Chunk(new(choice, new("assistant", ""), null)),
            text => Chunk(new(text.Choice, new(Content: text.Value), null)),
            end => Chunk(new(end.Choice, new(), end.Reason, Answers.StopReason(end))),
            usage => new(id, created, model, [], usage),
            (chunk, usage) => chunk with { Usage = usage });

        ChatCompletionChunk Chunk(ChunkChoice choice) => new(id, created, model, [choice]);
    }
}
