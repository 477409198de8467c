using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using Kaito.Core;
using Kaito.InferenceHost.Chat;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Http;
using Kaito.InferenceHost.Models;
using Kaito.InferenceHost.Tools;
using Kaito.OpenAI;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Kaito.InferenceHost.Responses;

/// <summary><c>POST /v1/responses</c>: the chat under another protocol. Nothing is stored.</summary>
internal static class ResponsesEndpoint
{
    public static void MapResponses(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/responses", HandleAsync).WithName("CreateResponse").WithTags("Responses")
            .Takes(OpenAIJson.Default.ResponsesRequest).Gives(OpenAIJson.Default.JsonObject)
            .Streams(OpenAIJson.Default.JsonObject);
        routes.MapGet("/v1/responses/{id}", static (string id) => Unknown(id, "response_id"))
            .WithName("RetrieveResponse").WithTags("Responses").Gives(OpenAIJson.Default.JsonObject);
        routes.MapPost("/v1/responses/{id}/cancel", static (string id) => Unknown(id, "response_id"))
            .WithName("CancelResponse").WithTags("Responses").Gives(OpenAIJson.Default.JsonObject);
    }

    internal static Task<IResult> HandleAsync(HttpContext http, GenerationScheduler scheduler, TimeProvider clock) =>
        ModelCalls.ServeAsync(http, scheduler, OpenAIJson.Default.ResponsesRequest, async (wire, model) =>
        {
            if (wire.PreviousResponseId is { Length: > 0 } previous)
            {
                return Unknown(previous, "previous_response_id");
            }

            var id = CallId.Create("resp_", http);
            return await ModelCalls.SubmitAsync(
                http, scheduler, new(GenerationSpan.Chat, id, model.Name), Parse(wire, model),
                (call, stream) => AnswerAsync(http, wire, Head(id, model, clock), call, stream));
        });

    private static Validated<ChatCall> Parse(ResponsesRequest wire, ServedModel model) =>
        ResponsesParser.Parse(wire).TryGet(out var chat, out var errors)
            && ChatRequestParser.Parse(chat, model).TryGet(out var call, out errors)
            ? call
            : Renamed(errors);

    private static JsonObject Head(string id, ServedModel model, TimeProvider clock) => new()
    {
        ["id"] = id,
        ["object"] = "response",
        ["created_at"] = clock.GetUtcNow().ToUnixTimeSeconds(),
        ["model"] = model.Name,
    };

    private static async Task<IResult> AnswerAsync(
        HttpContext http, ResponsesRequest wire, JsonObject head, ChatCall call, GenerationStream stream)
    {
        var items = new ResponseItems(wire, head);
        return wire.Stream is true
            ? new ResponseStream(stream, items, call.Split)
            : await WholeAsync(stream, items, call.Split, http.RequestAborted);
    }

    private static async Task<IResult> WholeAsync(
        GenerationStream stream, ResponseItems items, SplitRules rules, CancellationToken cancellationToken)
    {
        var (answers, failure) = await Answers.CollectAsync(stream, cancellationToken);
        if (failure is not null)
        {
            return OpenAIResults.Failed(failure);
        }

        var splitter = new AnswerSplitter(rules);
        var parts = splitter.Push(answers[0].Text);
        parts.AddRange(splitter.Finish());
        foreach (var part in parts)
        {
            _ = items.Add(part).ToArray();
        }

        var told = items.End(answers[0].End.Reason, Answers.Count(stream, answers[0].End.NewTokens)).Last();
        return TypedResults.Text(told.Body["response"]!.ToJsonString(), "application/json");
    }

    // The members of a chat have other names here.
    private static ImmutableArray<FieldError> Renamed(ImmutableArray<FieldError> errors) =>
    [
        .. errors.Select(static e => e with
        {
            Path = e.Path switch
            {
                "max_tokens" => "max_output_tokens",
                _ when e.Path.StartsWith("messages", StringComparison.Ordinal) => "input" + e.Path["messages".Length..],
                _ when e.Path.StartsWith("response_format", StringComparison.Ordinal) => "text.format",
                _ => e.Path,
            },
        }),
    ];

    private static JsonHttpResult<ErrorResponse> Unknown(string id, string param) => OpenAIResults.Error(
        StatusCodes.Status404NotFound, ErrorTypes.NotFound,
        $"Response with id '{id}' not found. This server stores no responses; send the conversation as input.", param);
}

/// <summary>Relays the events of a call as this protocol's server-sent events.</summary>
internal sealed class ResponseStream(GenerationStream stream, ResponseItems items, SplitRules rules) : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var aborted = httpContext.RequestAborted;
        var response = httpContext.Response;
        if (await stream.Events.WaitToReadAsync(aborted) && stream.Events.TryPeek(out var first)
            && first is GenerationEvent.Failed early)
        {
            await OpenAIResults.Failed(early.Message).ExecuteAsync(httpContext);
            return;
        }

        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        Write(response, items.Begin());
        var splitter = new AnswerSplitter(rules);
        await foreach (var item in stream.Events.ReadAllAsync(aborted))
        {
            switch (item)
            {
                case GenerationEvent.Text text:
                    Write(response, splitter.Push(text.Value).SelectMany(items.Add));
                    break;
                case GenerationEvent.Finished end:
                    Write(response, splitter.Finish().SelectMany(items.Add));
                    Write(response, items.End(end.Reason, Answers.Count(stream, end.NewTokens)));
                    break;
                case GenerationEvent.Failed failed:
                    Write(response, [("error", new JsonObject { ["type"] = "error", ["message"] = failed.Message })]);
                    break;
            }

            await response.BodyWriter.FlushAsync(aborted);
        }
    }

    private static void Write(HttpResponse response, IEnumerable<(string Type, JsonObject Body)> events)
    {
        foreach (var (type, body) in events)
        {
            response.BodyWriter.Write(Encoding.UTF8.GetBytes($"event: {type}\ndata: {body.ToJsonString()}\n\n"));
        }
    }
}
