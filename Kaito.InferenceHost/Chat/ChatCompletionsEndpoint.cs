using System.Collections.Immutable;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Http;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Chat;

/// <summary><c>POST /v1/chat/completions</c>: parse, submit, relay. No model logic lives here.</summary>
internal static class ChatCompletionsEndpoint
{
    public static void MapChatCompletions(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/chat/completions", HandleAsync).WithName("CreateChatCompletion").WithTags("Chat")
            .Takes(OpenAIJson.Default.ChatCompletionRequest).Gives(OpenAIJson.Default.ChatCompletion)
            .Streams(OpenAIJson.Default.ChatCompletionChunk);

    internal static Task<IResult> HandleAsync(HttpContext http, GenerationScheduler scheduler, TimeProvider clock) =>
        ModelCalls.ServeAsync(http, scheduler, OpenAIJson.Default.ChatCompletionRequest, (wire, model) =>
        {
            var id = CallId.Create("chatcmpl-", http);
            var head = new ChatCompletion(id, clock.GetUtcNow().ToUnixTimeSeconds(), model.Name, [], new(0, 0, 0));
            return ModelCalls.SubmitAsync(
                http, scheduler, new(GenerationSpan.Chat, id, model.Name), ChatRequestParser.Parse(wire, model),
                (call, stream) => AnswerAsync(http, wire, head, call, stream));
        });

    private static async Task<IResult> AnswerAsync(
        HttpContext http, ChatCompletionRequest wire, ChatCompletion head, ChatCall call, GenerationStream stream)
    {
        if (wire.Stream is true)
        {
            return new EventStreamResult<ChatCompletionChunk>(
                stream, wire.StreamOptions, Chunks(head, call), OpenAIJson.Default.ChatCompletionChunk);
        }

        var (answers, failure) = await Answers.CollectAsync(stream, http.RequestAborted);
        return failure is null
            ? TypedResults.Json(Whole(head, stream, answers, call), OpenAIJson.Default.ChatCompletion)
            : OpenAIResults.Failed(failure);
    }

    private static ChatCompletion Whole(
        ChatCompletion head, GenerationStream stream, ImmutableArray<Answer> answers, ChatCall call) => head with
        {
            Choices =
            [
                .. Answers.Best(answers, answers.Length, call.Wanted).Select((answer, index) => Choice(answer, index, call)),
            ],
            Usage = Answers.Count(stream, answers.Sum(static answer => answer.End.NewTokens)),
            PromptLogprobs = call.Reports.Prompt is null ? null : call.Reports.Shapes.Prompt(answers[0].Prompt),
            PromptTokenIds = call.Reports.Ids ? call.Requests[0].Prompt.ToArray() : null,
        };

    private static ChatChoice Choice(Answer answer, int index, ChatCall call)
    {
        var parts = new ChatParts(call.Split);
        var message = parts.Message(call.Echo, answer.Text);
        return new(
            index, call.IncludeReasoning ? message : message with { Reasoning = null }, parts.Reason(answer.End.Reason),
            Answers.StopReason(answer.End))
        {
            Logprobs = call.Reports.Answer is null ? null : call.Reports.Shapes.Chat(answer.Tokens.Reports),
            TokenIds = call.Reports.Ids ? answer.Tokens.Ids : null,
        };
    }

    private static ChunkShapes<ChatCompletionChunk> Chunks(ChatCompletion head, ChatCall call)
    {
        var shapes = call.Reports.Shapes;
        var parts = call.Requests.Select(_ => new ChatParts(call.Split)).ToArray();
        var held = call.Requests.Select(static _ => new HeldTokens()).ToArray();
        return new(
            (choice, _) => Chunk(new(choice, new("assistant", call.Echo), null)),
            text => Said(text.Choice, parts[text.Choice].Push(text.Value), text.Tokens),
            Closing,
            usage => new(head.Id, head.Created, head.Model, [], usage),
            static (chunk, usage) => chunk with { Usage = usage });

        // What tells of tokens goes with the first chunk after them.
        IEnumerable<ChatCompletionChunk> Said(int choice, IEnumerable<ChatDelta> deltas, EventTokens tokens)
        {
            held[choice].Add(tokens);
            foreach (var delta in deltas.Where(d => call.IncludeReasoning || d.Reasoning is null))
            {
                yield return Chunk(With(new(choice, delta, null), held[choice].Take()));
            }
        }

        IEnumerable<ChatCompletionChunk> Closing(GenerationEvent.Finished end)
        {
            foreach (var chunk in Said(end.Choice, parts[end.Choice].Finish(), end.Tokens))
            {
                yield return chunk;
            }

            var reason = parts[end.Choice].Reason(end.Reason);
            yield return Chunk(With(
                new(end.Choice, new(), reason, Answers.StopReason(end)), held[end.Choice].Take()));
        }

        ChatCompletionChunk Chunk(ChunkChoice choice) => new(head.Id, head.Created, head.Model, [choice]);

        ChunkChoice With(ChunkChoice choice, EventTokens tokens) => choice with
        {
            Logprobs = call.Reports.Answer is null || tokens.Reports.IsEmpty ? null : shapes.Chat(tokens.Reports),
            TokenIds = call.Reports.Ids ? tokens.Ids : null,
        };
    }

    /// <summary>Tokens of which no chunk has told yet.</summary>
    private sealed class HeldTokens
    {
        private EventTokens _tokens = new([], [], 0);

        public void Add(EventTokens more) => _tokens = new(
            _tokens.Ids.AddRange(more.Ids), _tokens.Reports.AddRange(more.Reports), more.Total);

        public EventTokens Take()
        {
            var taken = _tokens;
            _tokens = new([], [], taken.Total);
            return taken;
        }
    }
}
