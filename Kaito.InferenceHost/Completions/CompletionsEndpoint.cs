using System.Collections.Immutable;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Http;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Completions;

/// <summary><c>POST /v1/completions</c>: parse, submit, relay.</summary>
internal static class CompletionsEndpoint
{
    public static void MapCompletions(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/completions", HandleAsync).WithName("CreateCompletion").WithTags("Completions")
            .Takes(OpenAIJson.Default.CompletionRequest).Gives(OpenAIJson.Default.Completion)
            .Streams(OpenAIJson.Default.Completion);

    internal static Task<IResult> HandleAsync(HttpContext http, GenerationScheduler scheduler, TimeProvider clock) =>
        ModelCalls.ServeAsync(http, scheduler, OpenAIJson.Default.CompletionRequest, (wire, model) =>
        {
            var head = new Completion(
                CallId.Create("cmpl-", http), clock.GetUtcNow().ToUnixTimeSeconds(), model.Name, []);
            return ModelCalls.SubmitAsync(
                http, scheduler, new(GenerationSpan.TextCompletion, head.Id, model.Name),
                CompletionRequestParser.Parse(wire, model),
                (call, stream) => AnswerAsync(http, wire, head, call, stream));
        });

    private static async Task<IResult> AnswerAsync(
        HttpContext http, CompletionRequest wire, Completion head, CompletionCall call, GenerationStream stream)
    {
        if (wire.Stream is true)
        {
            return new EventStreamResult<Completion>(
                stream, wire.StreamOptions, Chunks(head, call), OpenAIJson.Default.Completion);
        }

        var (answers, failure) = await Answers.CollectAsync(stream, http.RequestAborted);
        return failure is null
            ? TypedResults.Json(Whole(head, stream, answers, call), OpenAIJson.Default.Completion)
            : OpenAIResults.Failed(failure);
    }

    private static Completion Whole(
        Completion head, GenerationStream stream, ImmutableArray<Answer> answers, CompletionCall call) => head with
        {
            Choices =
            [
                .. Answers.Best(answers, call.Sampled, call.Wanted).Select((answer, index) => Choice(answer, index, call)),
            ],
            Usage = Answers.Count(stream, answers.Sum(static answer => answer.End.NewTokens)),
        };

    private static CompletionChoice Choice(Answer answer, int index, CompletionCall call)
    {
        var (reports, request, echo) = (call.Reports, call.Requests[answer.End.Choice], call.Echoes[answer.End.Choice]);
        var echoed = echo.Length > 0 && request.ReportPrompt is not null;
        return new(index, echo + answer.Text, answer.End.Reason, Answers.StopReason(answer.End))
        {
            Logprobs = reports.Answer is null ? null : reports.Shapes.Completion(
                echoed ? [.. request.Prompt.Span, .. answer.Tokens.Ids] : answer.Tokens.Ids.AsSpan(),
                echoed ? answer.Prompt.AddRange(answer.Tokens.Reports) : answer.Tokens.Reports,
                echoed ? 0 : echo.Length),
            PromptLogprobs = reports.Prompt is null ? null : reports.Shapes.Prompt(answer.Prompt),
            TokenIds = reports.Ids ? answer.Tokens.Ids : null,
            PromptTokenIds = reports.Ids ? request.Prompt.ToArray() : null,
        };
    }

    private static ChunkShapes<Completion> Chunks(Completion head, CompletionCall call)
    {
        var shapes = call.Reports.Shapes;
        var lengths = new int[call.Requests.Length];
        return new(
            Open,
            text => [Chunk(With(new(text.Choice, text.Value, null), text.Tokens))],
            end => [Chunk(With(new(end.Choice, "", end.Reason, Answers.StopReason(end)), end.Tokens))],
            usage => head with { Usage = usage },
            static (chunk, usage) => chunk with { Usage = usage });

        Completion Chunk(CompletionChoice choice) => head with { Choices = [choice] };

        Completion? Open(int choice, GenerationEvent.Prompt? prompt)
        {
            var echo = call.Echoes[choice];
            lengths[choice] = echo.Length;
            return echo.Length == 0 ? null : Chunk(new(choice, echo, null)
            {
                Logprobs = prompt is null || call.Reports.Answer is null
                    ? null
                    : shapes.Completion(call.Requests[choice].Prompt.Span, prompt.Reports, 0),
            });
        }

        CompletionChoice With(CompletionChoice choice, EventTokens tokens)
        {
            var start = lengths[choice.Index];
            lengths[choice.Index] += choice.Text.Length;
            return choice with
            {
                Logprobs = call.Reports.Answer is null || tokens.Reports.IsEmpty
                    ? null
                    : shapes.Completion(tokens.Ids.AsSpan(), tokens.Reports, start),
                TokenIds = call.Reports.Ids ? tokens.Ids : null,
            };
        }
    }
}
