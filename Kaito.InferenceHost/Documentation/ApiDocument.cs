using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using Kaito.InferenceHost.Http;
using Kaito.OpenAI;
using Microsoft.AspNetCore.Http.Metadata;

namespace Kaito.InferenceHost.Documentation;

/// <summary>PURE: the routes and the contracts of their bodies as an OpenAPI 3.1 document.</summary>
internal static partial class ApiDocument
{
    /// <param name="endpoints">All routes; what is not for clients of the API is left out.</param>
    /// <param name="version">Of the server.</param>
    public static JsonObject Render(IEnumerable<Endpoint> endpoints, string version)
    {
        var (paths, schemas) = (new JsonObject(), new JsonObject());
        _ = Reference(OpenAIJson.Default.ErrorResponse, schemas);
        foreach (var route in endpoints.OfType<RouteEndpoint>().OrderBy(static r => Path(r), StringComparer.Ordinal))
        {
            // Pages and scripts are no part of the API.
            if (route.Metadata.GetMetadata<IExcludeFromDescriptionMetadata>() is not null)
            {
                continue;
            }

            var operations = paths[Path(route)] as JsonObject ?? [];
            paths[Path(route)] = operations;
            foreach (var method in route.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? [HttpMethods.Get])
            {
                operations[method.ToLowerInvariant()] = Operation(route, schemas);
            }
        }

        return new()
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject { ["title"] = "Kaito inference host", ["version"] = version },
            ["paths"] = paths,
            ["components"] = new JsonObject { ["schemas"] = schemas },
        };
    }

    /// <summary>The path as clients write it, with parameters in braces.</summary>
    public static string Path(RouteEndpoint route) =>
        "/" + Decoration().Replace(route.RoutePattern.RawText ?? "", "").TrimStart('/');

    private static JsonObject Operation(RouteEndpoint route, JsonObject schemas)
    {
        var bodies = route.Metadata.GetOrderedMetadata<RouteBody>();
        var operation = new JsonObject { ["responses"] = Answers(bodies, schemas) };
        if (route.Metadata.GetMetadata<IEndpointNameMetadata>()?.EndpointName is { } name)
        {
            operation["operationId"] = name;
        }

        if (route.Metadata.GetMetadata<ITagsMetadata>()?.Tags is { Count: > 0 } tags)
        {
            operation["tags"] = new JsonArray([.. tags.Select(static tag => JsonValue.Create(tag))]);
        }

        if (route.RoutePattern.Parameters is { Count: > 0 } parameters)
        {
            operation["parameters"] = new JsonArray([.. parameters.Select(static parameter => new JsonObject
            {
                ["name"] = parameter.Name,
                ["in"] = "path",
                ["required"] = true,
                ["schema"] = new JsonObject { ["type"] = "string" },
            })]);
        }

        if (bodies.FirstOrDefault(static body => body.Place == BodyPlace.Request) is { } request)
        {
            operation["requestBody"] = new JsonObject
            {
                ["required"] = true,
                ["content"] = Content("application/json", Reference(request.Contract, schemas)),
            };
        }

        return operation;
    }

    private static JsonObject Answers(IReadOnlyList<RouteBody> bodies, JsonObject schemas)
    {
        var content = new JsonObject();
        foreach (var body in bodies.Where(static body => body.Place != BodyPlace.Request))
        {
            var type = body.Place == BodyPlace.Event ? "text/event-stream" : "application/json";
            content[type] = new JsonObject { ["schema"] = Reference(body.Contract, schemas) };
        }

        var good = new JsonObject { ["description"] = "Done" };
        if (content.Count > 0)
        {
            good["content"] = content;
        }

        var answers = new JsonObject { ["200"] = good };
        if (bodies.Any(static body => body.Place == BodyPlace.Request))
        {
            answers["default"] = new JsonObject
            {
                ["description"] = "What is wrong, in which member",
                ["content"] = Content("application/json", Reference(OpenAIJson.Default.ErrorResponse, schemas)),
            };
        }

        return answers;
    }

    private static JsonObject Content(string type, JsonObject schema) =>
        new() { [type] = new JsonObject { ["schema"] = schema } };

    private static JsonObject Reference(JsonTypeInfo contract, JsonObject schemas)
    {
        var name = contract.Type.Name;
        if (!schemas.ContainsKey(name))
        {
            schemas[name] = contract.GetJsonSchemaAsNode(new() { TreatNullObliviousAsNonNullable = true });
        }

        return new() { ["$ref"] = $"#/components/schemas/{name}" };
    }

    // {**id} and {id:int} are both {id}.
    [GeneratedRegex(@"(?<=\{)\*+|:[^}]*(?=\})")]
    private static partial Regex Decoration();
}
