using System.Collections.Immutable;
using Kaito.RagEngine.Embedding;
using Kaito.RagEngine.Guardrails;
using Kaito.RagEngine.Http;
using Kaito.RagEngine.Metrics;
using Kaito.RagEngine.Retrieval;
using Kaito.RagEngine.Store;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Kaito.RagEngine.Chat;

/// <summary><c>POST /v1/chat/completions</c>: the answering model, with passages of an index where one is named.</summary>
internal static class ChatEndpoint
{
    private const string NoModel =
        "InferenceService not configured. This RAGEngine instance only supports document retrieve via /retrieve API. To use "
        + "chat completions, configure an InferenceService in the RAGEngine spec.";

    // Upstream's least depth of search.
    private const int LeastDepth = 100;

    public static void AddChat(this IServiceCollection services)
    {
        services.AddHttpClient(ModelClient.ClientName, static client => client.Timeout = Timeout.InfiniteTimeSpan);
        services.AddSingleton<ModelClient>();
        services.AddSingleton<TokenMeter>();
        services.AddSingleton<ChatParts>();
    }

    public static void MapChat(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/chat/completions", HandleAsync).WithName("chat").WithTags("Chat");

    internal static async Task<IResult> HandleAsync(HttpContext http, ChatParts parts, OperationWatch watch)
    {
        // Not disposed here: a streamed answer is written after this method.
        var body = await RequestBody.ReadAsync(http, model: false);
        http.Response.RegisterForDispose(body);
        return await watch.RunAsync(Operations.Chat, "Chat completion failed: ", async () =>
        {
            if (parts.Options.Model is null)
            {
                throw new RagException(StatusCodes.Status503ServiceUnavailable, NoModel);
            }

            var request = ChatRequest.Parse(body.RootElement, parts.Options);
            var guard = parts.Guardrails.Begin(request.Streams);
            return request.Index is null
                ? await PlainAsync(request, parts, guard, http)
                : await OverIndexAsync(request, request.Index, parts, guard, http);
        });
    }

    private static async Task<IResult> OverIndexAsync(
        ChatRequest request, string index, ChatParts parts, IAnswerGuard guard, HttpContext http)
    {
        await parts.Retriever.RequireAsync(index, http.RequestAborted);
        request = request.WithMessages(parts.Options);
        if (request.Messages.Count == 0)
        {
            return await PlainAsync(request, parts, guard, http);
        }

        var window = await parts.Model.ContextTokensAsync(http.RequestAborted);
        var split = PromptSplit.Of(request.Messages);
        var prompt = split.Counted(
            await parts.Meter.CountAsync(split.Text, request.Model, http.RequestAborted), window);
        var passages = await PassagesAsync(request, index, prompt, window, parts, http.RequestAborted);
        if (passages.IsEmpty)
        {
            return await PlainAsync(request, parts, guard, http);
        }

        var model = request.Model is null ? await parts.Model.NameAsync(http.RequestAborted) : null;
        var answer = await parts.Model.AskAsync(
            ForwardedBody.WithContext(request, prompt, passages, model),
            static (status, text) => $"Chat completion failed: {status}: An unexpected error occurred: {text}",
            http.RequestAborted);
        var now = parts.Clock.GetUtcNow();
        if (request.Streams)
        {
            return new StreamedAnswer(answer, guard, request.Prompt, ChatAnswer.SourcesEvent(request, prompt, passages, now));
        }

        using (answer)
        {
            var whole = ChatAnswer.WithSources(await answer.ReadAsync(), request, prompt, passages, now);
            return Json(await guard.CheckAsync(whole, request.Prompt, http.RequestAborted));
        }
    }

    private static async Task<ImmutableArray<Ranked>> PassagesAsync(
        ChatRequest request,
        string index,
        PromptSplit prompt,
        int window,
        ChatParts parts,
        CancellationToken cancellationToken)
    {
        var options = parts.Options;
        var embedder = await parts.Embeddings.GetAsync(cancellationToken);
        var budget = new ContextBudget(
            window, prompt.Tokens, request.MostTokens, request.ContextRatio ?? options.ContextFill,
            options.SimilarityThreshold ?? embedder.Threshold);
        if (budget.Tokens <= 0)
        {
            return [];
        }

        var depth = Math.Max(LeastDepth, (int)((window - prompt.Tokens) / options.PassageTokens));
        var ranked = await parts.Retriever.RetrieveAsync(
            index, prompt.Question, MetadataFilter.None, Math.Min(depth, 1000), cancellationToken);
        return await parts.Meter.FitAsync(ranked, budget, request.Model, cancellationToken);
    }

    private static async Task<IResult> PlainAsync(
        ChatRequest request, ChatParts parts, IAnswerGuard guard, HttpContext http)
    {
        var model = request.Model is null ? await parts.Model.NameAsync(http.RequestAborted) : null;
        var answer = await parts.Model.AskAsync(
            ForwardedBody.Plain(request, model), static (_, text) => text, http.RequestAborted);
        if (request.Streams)
        {
            return new StreamedAnswer(answer, guard, request.Prompt, []);
        }

        using (answer)
        {
            var whole = ChatAnswer.Plain(await answer.ReadAsync());
            return Json(await guard.CheckAsync(whole, request.Prompt, http.RequestAborted));
        }
    }

    private static FileContentHttpResult Json(byte[] answer) => TypedResults.Bytes(answer, "application/json");
}

/// <summary>What chats need.</summary>
internal sealed record ChatParts(
    RagEngineOptions Options,
    Retriever Retriever,
    EmbeddingService Embeddings,
    ModelClient Model,
    TokenMeter Meter,
    IGuardrails Guardrails,
    TimeProvider Clock);
