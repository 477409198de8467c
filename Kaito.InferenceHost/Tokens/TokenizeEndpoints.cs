using System.Collections.Immutable;
using System.Text;
using Kaito.Core;
using Kaito.InferenceHost.Chat;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Http;
using Kaito.InferenceHost.Models;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Tokens;

/// <summary><c>POST /tokenize</c> and <c>POST /detokenize</c>; neither touches the engine.</summary>
internal static class TokenizeEndpoints
{
    public static void MapTokenize(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/tokenize", TokenizeAsync).WithName("Tokenize").WithTags("Tokens")
            .Takes(OpenAIJson.Default.TokenizeRequest).Gives(OpenAIJson.Default.TokenizeResponse);
        routes.MapPost("/detokenize", DetokenizeAsync).WithName("Detokenize").WithTags("Tokens")
            .Takes(OpenAIJson.Default.DetokenizeRequest).Gives(OpenAIJson.Default.DetokenizeResponse);
    }

    internal static Task<IResult> TokenizeAsync(HttpContext http, GenerationScheduler scheduler) =>
        ModelCalls.ServeAsync(
            http, scheduler, OpenAIJson.Default.TokenizeRequest,
            static (wire, model) => Task.FromResult(Tokenize(wire, model)));

    internal static Task<IResult> DetokenizeAsync(HttpContext http, GenerationScheduler scheduler) =>
        ModelCalls.ServeAsync(
            http, scheduler, OpenAIJson.Default.DetokenizeRequest,
            static (wire, model) => Task.FromResult(Detokenize(wire, model)));

    private static IResult Tokenize(TokenizeRequest wire, ServedModel model)
    {
        if (!Encode(wire, model).TryGet(out var tokens, out var errors))
        {
            return OpenAIResults.Invalid(errors);
        }

        var texts = wire.ReturnTokenStrs is true
            ? tokens.Select(token => Encoding.UTF8.GetString(model.Text.TokenBytes(token))).ToArray()
            : null;
        return TypedResults.Json(
            new TokenizeResponse(tokens.Length, model.ContextTokens, tokens, texts), OpenAIJson.Default.TokenizeResponse);
    }

    private static IResult Detokenize(DetokenizeRequest wire, ServedModel model)
    {
        if (wire.Tokens is not { } tokens)
        {
            return OpenAIResults.Invalid([new("tokens", "missing", "tokens is missing; give a list of token ids.")]);
        }

        if (tokens.Cast<int?>().FirstOrDefault(token => token < 0 || token >= model.VocabularySize) is { } odd)
        {
            return OpenAIResults.Invalid(
            [
                new("tokens", "out-of-range", $"tokens holds {odd}; ids go from 0 to {model.VocabularySize - 1}."),
            ]);
        }

        var decoder = model.Text.CreateDecoder(skipSpecialTokens: false);
        var text = string.Concat(tokens.Select(decoder.Push)) + decoder.Flush();
        return TypedResults.Json(new DetokenizeResponse(text), OpenAIJson.Default.DetokenizeResponse);
    }

    private static Validated<int[]> Encode(TokenizeRequest wire, ServedModel model)
    {
        if (wire.Messages is null)
        {
            return wire.Prompt is { } prompt
                ? model.Text.Encode(prompt, wire.AddSpecialTokens ?? true)
                : ImmutableArray.Create(new FieldError(
                    "prompt", "missing", "Neither prompt nor messages is given; give one of them."));
        }

        var chat = new ChatCompletionRequest
        {
            Messages = wire.Messages,
            AddSpecialTokens = wire.AddSpecialTokens,
            AddGenerationPrompt = wire.AddGenerationPrompt,
            ContinueFinalMessage = wire.ContinueFinalMessage,
            ChatTemplateKwargs = wire.ChatTemplateKwargs,
            Tools = wire.Tools,
        };
        return ChatRequestParser.ParsePrompt(chat, model);
    }
}
