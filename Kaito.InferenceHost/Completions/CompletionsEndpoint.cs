using System.Collections.Immutable;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Http;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Completions;

/// <summary><c>POST /v1/completions</c>: parse, submit, relay.</summary>
internal static class CompletionsEndpoint
{
    public static void MapCompletions(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/completions", HandleAsync).WithName("CreateCompletion").WithTags("Completions");

    internal static async Task<IResult> HandleAsync(HttpContext http, GenerationScheduler scheduler, TimeProvider clock)
    {
        if (scheduler.Model is not { } model)
        {
            return OpenAIResults.Unavailable(http, scheduler.State);
        }

        var wire = await RequestBody.ReadAsync(http, OpenAIJson.Default.CompletionRequest);
        if (wire.Model is { Length: > 0 } name && name != model.Name)
        {
            return OpenAIResults.UnknownModel(name, model.Name);
        }

        if (!CompletionRequestParser.Parse(wire, model).TryGet(out var call, out var errors))
        {
            return OpenAIResults.Invalid(errors);
        }

        if (!scheduler.TrySubmit(call.Requests, http.RequestAborted, out var stream))
        {
            return OpenAIResults.Unavailable(http, scheduler.State);
        }

        var id = CallId.Create("cmpl-", http);
        var created = clock.GetUtcNow().ToUnixTimeSeconds();
        if (wire.Stream is true)
        {
            return new EventStreamResult<Completion>(
                stream,
                wire.StreamOptions,
                Chunks(id, created, model.Name, call.Echoes),
                OpenAIJson.Default.Completion);
        }

        var (answers, failure) = await Answers.CollectAsync(stream, http.RequestAborted);
        return answers is null
            ? OpenAIResults.Failed(failure!)
            : TypedResults.Json(
                Whole(new(id, created, model.Name, []), stream, answers, call.Echoes), OpenAIJson.Default.Completion);
    }

    private static Completion Whole(
        Completion head, GenerationStream stream, Answer[] answers, ImmutableArray<string> echoes) => head with
        {
            Choices =
            [
                .. answers.Select(answer => new CompletionChoice(
                    answer.End.Choice,
                    echoes[answer.End.Choice] + answer.Text,
                    answer.End.Reason,
                    Answers.StopReason(answer.End))),
            ],
            Usage = Answers.Count(stream, answers.Sum(answer => answer.End.NewTokens)),
        };

    private static ChunkShapes<Completion> Chunks(string id, long created, string model, ImmutableArray<string> echoes)
    {
        return new(
            choice => echoes[choice].Length == 0 ? null : Chunk(new(choice, echoes[choice], null)),
            text => Chunk(new(text.Choice, text.Value, null)),
            end => Chunk(new(end.Choice, "", end.Reason, Answers.StopReason(end))),
            usage => new(id, created, model, [], usage),
            (chunk, usage) => chunk with { Usage = usage });

        Completion Chunk(CompletionChoice choice) => new(id, created, model, [choice]);
    }
}
