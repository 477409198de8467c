using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Kaito.Core;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Http;
using Kaito.InferenceHost.Models;
using Kaito.OpenAI;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Kaito.InferenceHost.Chat;

/// <summary>
/// <c>POST /chat</c>, the form of KAITO's first runtimes: <c>prompt</c> or <c>messages</c> in, <c>Result</c> out.
/// </summary>
internal static class LegacyChatEndpoint
{
    private const int DefaultMaxLength = 200;

    private const int DefaultTopK = 10;

    public static void MapLegacyChat(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/chat", HandleAsync).WithName("LegacyChat").WithTags("Chat")
            .Takes(LegacyChatJson.Default.LegacyChatRequest).Gives(LegacyChatJson.Default.LegacyChatResponse);

    internal static async Task<IResult> HandleAsync(HttpContext http, GenerationScheduler scheduler)
    {
        if (scheduler.Model is not { } model)
        {
            return Unavailable(http, scheduler.State);
        }

        LegacyChatRequest wire;
        try
        {
            wire = await RequestBody.ReadAsync(http, LegacyChatJson.Default.LegacyChatRequest);
        }
        catch (Exception bad) when (bad is MalformedBodyException or BadHttpRequestException { StatusCode: 400 })
        {
            return Refuse(StatusCodes.Status422UnprocessableEntity, bad.Message);
        }

        if (!Parse(wire, model).TryGet(out var call, out var errors))
        {
            return Refuse(StatusCodes.Status400BadRequest, errors[0].Message);
        }

        if (!scheduler.TrySubmit(call.Requests, http.RequestAborted, out var stream))
        {
            return Unavailable(http, scheduler.State);
        }

        var (answers, failure) = await Answers.CollectAsync(stream, http.RequestAborted);
        if (failure is not null)
        {
            return Refuse(StatusCodes.Status500InternalServerError, failure);
        }

        var before = wire.Messages is null && wire.ReturnFullText is not false ? wire.Prompt : "";
        return TypedResults.Json(new(before + answers[0].Text), LegacyChatJson.Default.LegacyChatResponse);
    }

    /// <summary>The messages decide the form; without them the prompt is continued as it stands.</summary>
    internal static Validated<ChatCall> Parse(LegacyChatRequest wire, ServedModel model)
    {
        var found = ImmutableArray.CreateBuilder<FieldError>();
        if (wire.Messages is null && string.IsNullOrEmpty(wire.Prompt))
        {
            found.Add(new("prompt", "missing", "Text generation parameter prompt required"));
            return found.ToImmutable();
        }

        var options = wire.GenerateKwargs ?? new();
        var chat = new ChatCompletionRequest
        {
            Messages = wire.Messages,
            Temperature = options.DoSample is false ? 0 : options.Temperature,
            TopP = options.TopP,
            TopK = options.TopK ?? DefaultTopK,
            RepetitionPenalty = options.RepetitionPenalty,
            Seed = options.Seed,
        };
        if (wire.Messages is not null && !ChatRequestParser.Parse(chat, model).TryGet(out _, out var errors))
        {
            return errors;
        }

        var prompt = wire.Messages is null ? model.Text.Encode(wire.Prompt!, true) : model.Text.EncodeChat(chat).Tokens;
        var sampling = SamplingParser.Parse(chat, model, found);
        var most = options.MaxNewTokens
            ?? (int)long.Max(1, (long)(options.MaxLength ?? DefaultMaxLength) - prompt.Length);
        var room = int.Max(1, model.ContextTokens - prompt.Length);
        var budget = SamplingParser.Budget(prompt, int.Min(most, room), model, "prompt", found);
        return found.Count > 0
            ? found.ToImmutable()
            : new ChatCall(
                [new(prompt, budget, sampling, StopRules.None)], 1, new(null, null, false, new(model.Text, false)), "", new());
    }

    private static JsonHttpResult<LegacyChatError> Refuse(int status, string detail) =>
        TypedResults.Json(new(detail), LegacyChatJson.Default.LegacyChatError, statusCode: status);

    private static JsonHttpResult<LegacyChatError> Unavailable(HttpContext http, HostState state) => Refuse(
        StatusCodes.Status503ServiceUnavailable, OpenAIResults.Unavailable(http, state).Value!.Error.Message);
}

/// <summary>Body of <c>POST /chat</c>; unknown members are ignored.</summary>
internal sealed record LegacyChatRequest
{
    public string? Prompt { get; init; }

    public IReadOnlyList<ChatMessage>? Messages { get; init; }

    /// <summary>The answer begins with the prompt; default true, and only for prompts.</summary>
    public bool? ReturnFullText { get; init; }

    public LegacyGenerateOptions? GenerateKwargs { get; init; }
}

/// <summary>The part of the original's generation settings that this server honours.</summary>
internal sealed record LegacyGenerateOptions
{
    /// <summary>Prompt plus answer, in tokens; default 200.</summary>
    public int? MaxLength { get; init; }

    /// <summary>Wins over <see cref="MaxLength"/>.</summary>
    public int? MaxNewTokens { get; init; }

    public bool? DoSample { get; init; }

    public float? Temperature { get; init; }

    public int? TopK { get; init; }

    public float? TopP { get; init; }

    public float? RepetitionPenalty { get; init; }

    public long? Seed { get; init; }
}

internal sealed record LegacyChatResponse([property: JsonPropertyName("Result")] string Result);

internal sealed record LegacyChatError(string Detail);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(LegacyChatRequest))]
[JsonSerializable(typeof(LegacyChatResponse))]
[JsonSerializable(typeof(LegacyChatError))]
internal sealed partial class LegacyChatJson : JsonSerializerContext;
