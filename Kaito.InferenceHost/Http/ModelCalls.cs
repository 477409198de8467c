using System.Text.Json.Serialization.Metadata;
using Kaito.Core;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Models;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Http;

/// <summary>
/// What every call of the model begins with: a model is loaded, the body has its form, the name is served, there is room.
/// </summary>
internal static class ModelCalls
{
    /// <summary>Reads the request and hands it on with the model under the name it gives; otherwise the answer says what is wrong.</summary>
    public static async Task<IResult> ServeAsync<TWire>(
        HttpContext http,
        GenerationScheduler scheduler,
        JsonTypeInfo<TWire> contract,
        Func<TWire, ServedModel, Task<IResult>> answer)
        where TWire : IModelRequest
    {
        if (scheduler.Model is not { } model)
        {
            return OpenAIResults.Unavailable(http, scheduler.State);
        }

        var wire = await RequestBody.ReadAsync(http, contract);
        return model.Under(wire.Model) is { } chosen
            ? await answer(wire, chosen)
            : OpenAIResults.UnknownModel(wire.Model!, model.Name);
    }

    /// <summary>Queues a call, watched by a span, and hands its events on; otherwise the answer says what is wrong.</summary>
    public static async Task<IResult> SubmitAsync<TCall>(
        HttpContext http,
        GenerationScheduler scheduler,
        GenerationSpan span,
        Validated<TCall> parsed,
        Func<TCall, GenerationStream, Task<IResult>> answer)
        where TCall : class, IGenerationCall
    {
        if (!parsed.TryGet(out var call, out var errors))
        {
            return OpenAIResults.Invalid(errors);
        }

        if (!scheduler.TrySubmit(call.Requests, http.RequestAborted, out var stream))
        {
            return OpenAIResults.Unavailable(http, scheduler.State);
        }

        span.Watch(stream);
        return await answer(call, stream);
    }
}
