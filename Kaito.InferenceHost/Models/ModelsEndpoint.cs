using Kaito.InferenceHost.Adapters;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Http;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Models;

/// <summary><c>GET /v1/models</c> and <c>GET /v1/models/{id}</c>.</summary>
internal static class ModelsEndpoint
{
    public static void MapModels(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/models", List).WithName("ListModels").WithTags("Models")
            .Gives(OpenAIJson.Default.ModelList);
        routes.MapGet("/v1/models/{**id}", Get).WithName("RetrieveModel").WithTags("Models")
            .Gives(OpenAIJson.Default.ModelCard);
    }

    internal static IResult List(HttpContext http, GenerationScheduler scheduler) => scheduler.Model is { } model
        ? TypedResults.Json(new ModelList([Card(model), .. model.Adapters.Served.Select(adapter => Card(model, adapter))]), OpenAIJson.Default.ModelList)
        : OpenAIResults.Unavailable(http, scheduler.State);

    internal static IResult Get(string id, HttpContext http, GenerationScheduler scheduler) => scheduler.Model switch
    {
        null => OpenAIResults.Unavailable(http, scheduler.State),
        { } model when model.Name == id => TypedResults.Json(Card(model), OpenAIJson.Default.ModelCard),
        { } model when model.Adapters.Served.FirstOrDefault(adapter => adapter.Name == id) is { } adapter =>
            TypedResults.Json(Card(model, adapter), OpenAIJson.Default.ModelCard),
        { } model => OpenAIResults.UnknownModel(id, model.Name),
    };

    private static ModelCard Card(ServedModel model) => new(
        model.Name,
        model.Created,
        "vllm",
        model.Root,
        null,
        model.ContextTokens,
        [Permission(model.Name, model.Created)]);

    private static ModelCard Card(ServedModel model, ServedAdapter adapter) => new(
        adapter.Name, adapter.Created, "vllm", adapter.Path, model.Name, null,
        [Permission(adapter.Name, adapter.Created)]);

    private static ModelAccess Permission(string name, long created) =>
        new("modelperm-" + Convert.ToHexStringLower(System.Text.Encoding.UTF8.GetBytes(name)), created);
}
