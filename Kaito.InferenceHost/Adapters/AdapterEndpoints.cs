using System.Text.Json.Serialization;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Http;
using Kaito.OpenAI;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Kaito.InferenceHost.Adapters;

/// <summary>
/// <c>POST /v1/load_lora_adapter</c> and <c>POST /v1/unload_lora_adapter</c>; there only where the process was told so.
/// </summary>
internal static class AdapterEndpoints
{
    private const string InvalidInput = "InvalidUserInput";

    public static void MapAdapters(this IEndpointRouteBuilder routes, AdapterOptions options)
    {
        if (options.RuntimeUpdates)
        {
            routes.MapPost("/v1/load_lora_adapter", LoadAsync).WithName("LoadLoraAdapter").WithTags("Adapters");
            routes.MapPost("/v1/unload_lora_adapter", UnloadAsync).WithName("UnloadLoraAdapter").WithTags("Adapters");
        }
    }

    internal static async Task<IResult> LoadAsync(HttpContext http, GenerationScheduler scheduler)
    {
        var wire = await RequestBody.ReadAsync(http, AdapterJson.Default.AdapterRequest);
        if (string.IsNullOrEmpty(wire.LoraName) || string.IsNullOrEmpty(wire.LoraPath))
        {
            return Refuse(new(AdapterFault.Input, "Both 'lora_name' and 'lora_path' must be provided."));
        }

        if (scheduler.Model is not { } model)
        {
            return OpenAIResults.Unavailable(http, scheduler.State);
        }

        return model.Adapters.Load(wire.LoraName, wire.LoraPath, 1, wire.LoadInplace is true) is { } refusal
            ? Refuse(refusal)
            : TypedResults.Text($"Success: LoRA adapter '{wire.LoraName}' added successfully.");
    }

    internal static async Task<IResult> UnloadAsync(HttpContext http, GenerationScheduler scheduler)
    {
        var wire = await RequestBody.ReadAsync(http, AdapterJson.Default.AdapterRequest);
        if (string.IsNullOrEmpty(wire.LoraName))
        {
            return Refuse(new(AdapterFault.Input, "'lora_name' needs to be provided to unload a LoRA adapter."));
        }

        if (scheduler.Model is not { } model)
        {
            return OpenAIResults.Unavailable(http, scheduler.State);
        }

        return model.Adapters.Unload(wire.LoraName) is { } refusal
            ? Refuse(refusal)
            : TypedResults.Text($"Success: LoRA adapter '{wire.LoraName}' removed successfully.");
    }

    private static JsonHttpResult<ErrorResponse> Refuse(AdapterRefusal refusal) => refusal.Fault switch
    {
        AdapterFault.NotFound => OpenAIResults.Error(
            StatusCodes.Status404NotFound, ErrorTypes.NotFound, refusal.Message),
        AdapterFault.Input => OpenAIResults.Error(StatusCodes.Status400BadRequest, InvalidInput, refusal.Message),
        _ => OpenAIResults.Error(StatusCodes.Status400BadRequest, ErrorTypes.BadRequest, refusal.Message),
    };
}

/// <summary>Body of both calls; unknown members are ignored.</summary>
internal sealed record AdapterRequest
{
    public string? LoraName { get; init; }

    /// <summary>A folder that PEFT wrote; only for loading.</summary>
    public string? LoraPath { get; init; }

    /// <summary>Takes the place of an adapter of the same name; default false.</summary>
    public bool? LoadInplace { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(AdapterRequest))]
internal sealed partial class AdapterJson : JsonSerializerContext;
