using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Kaito.DevCluster.Storage;

/// <summary>One reason why an object was refused.</summary>
/// <param name="Reason">A metav1 cause type such as FieldValueInvalid.</param>
/// <param name="Field">The path, <c>spec.containers[0].image</c>.</param>
/// <param name="Message">Names the value and what is wrong with it.</param>
internal sealed record StatusCause(string Reason, string Field, string Message)
{
    public static StatusCause Invalid(string field, JsonNode? value, string why) =>
        new("FieldValueInvalid", field, $"Invalid value: {Shown(value)}: {why}");

    public static StatusCause Required(string field, string why = "") =>
        new("FieldValueRequired", field, why.Length == 0 ? "Required value" : $"Required value: {why}");

    public static StatusCause NotSupported(string field, JsonNode? value, IEnumerable<string> supported) =>
        new("FieldValueNotSupported", field,
            $"Unsupported value: {Shown(value)}: supported values: {string.Join(", ", supported)}");

    public static StatusCause WrongType(string field, JsonNode? value, string wanted, string found) =>
        new("FieldValueTypeInvalid", field,
            $"Invalid value: {Shown(value)}: must be of type {wanted}: \"{found}\"");

    public static StatusCause Forbidden(string field, string why) => new("FieldValueForbidden", field, $"Forbidden: {why}");

    private static string Shown(JsonNode? value)
    {
        var text = value?.ToJsonString() ?? "null";
        return text.Length <= 200 ? text : string.Concat(text.AsSpan(0, 200), "…");
    }
}

/// <summary>metav1.Status of a refused request.</summary>
internal sealed record ApiStatus(int Code, string Reason, string Message)
{
    public GroupResource? Resource { get; init; }

    public string? Kind { get; init; }

    public string? Name { get; init; }

    public string? Uid { get; init; }

    public int? RetryAfterSeconds { get; init; }

    public ImmutableArray<StatusCause> Causes { get; init; } = [];

    public JsonObject ToJson()
    {
        var details = new JsonObject();
        Set(details, "name", Name);
        Set(details, "group", Resource?.Group);
        Set(details, "kind", Kind ?? Resource?.Resource);
        Set(details, "uid", Uid);
        if (RetryAfterSeconds is { } seconds)
        {
            details["retryAfterSeconds"] = seconds;
        }

        if (!Causes.IsDefaultOrEmpty)
        {
            details["causes"] = new JsonArray([.. Causes.Select(static cause => (JsonNode)new JsonObject
            {
                ["reason"] = cause.Reason,
                ["message"] = cause.Message,
                ["field"] = cause.Field,
            })]);
        }

        var status = new JsonObject
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = new JsonObject(),
            ["status"] = "Failure",
            ["message"] = Message,
            ["reason"] = Reason,
        };
        if (details.Count > 0)
        {
            status["details"] = details;
        }

        status["code"] = Code;
        return status;
    }

    private static void Set(JsonObject target, string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            target[name] = value;
        }
    }
}

/// <summary>A request that the API refuses; the status is what the client sees.</summary>
internal sealed class ApiStatusException(ApiStatus status) : Exception(status.Message)
{
    public ApiStatus Status { get; } = status;

    public static ApiStatusException NotFound(GroupResource resource, string name) =>
        new(new(404, "NotFound", $"{resource} \"{name}\" not found") { Resource = resource, Name = name });

    public static ApiStatusException NoSuchPath() =>
        new(new(404, "NotFound", "the server could not find the requested resource"));

    public static ApiStatusException AlreadyExists(GroupResource resource, string name) =>
        new(new(409, "AlreadyExists", $"{resource} \"{name}\" already exists") { Resource = resource, Name = name });

    public static ApiStatusException Conflict(GroupResource resource, string name, string why) =>
        new(new(409, "Conflict", $"Operation cannot be fulfilled on {resource} \"{name}\": {why}")
        {
            Resource = resource,
            Name = name,
        });

    public static ApiStatusException Modified(GroupResource resource, string name) => Conflict(
        resource, name,
        "the object has been modified; please apply your changes to the latest version and try again");

    public static ApiStatusException Expired(long wanted, long oldest) =>
        new(new(410, "Expired", $"too old resource version: {wanted} ({oldest})"));

    public static ApiStatusException BadRequest(string message) => new(new(400, "BadRequest", message));

    public static ApiStatusException Forbidden(GroupResource resource, string name, string why) =>
        new(new(403, "Forbidden", $"{resource} \"{name}\" is forbidden: {why}") { Resource = resource, Name = name });

    public static ApiStatusException MethodNotAllowed(string method) =>
        new(new(405, "MethodNotAllowed", $"the server does not allow {method} on the requested resource"));

    public static ApiStatusException UnsupportedMediaType(string? type, params string[] supported) =>
        new(new(415, "UnsupportedMediaType",
            $"the body of the request was in an unknown format ({type ?? "no Content-Type"}) - accepted media types "
            + $"include: {string.Join(", ", supported)}"));

    public static ApiStatusException Invalid(string group, string kind, string name, ImmutableArray<StatusCause> causes)
    {
        var shown = causes.Select(static cause => $"{cause.Field}: {cause.Message}").ToArray();
        var text = shown.Length == 1 ? shown[0] : $"[{string.Join(", ", shown)}]";
        var qualified = group.Length == 0 ? kind : $"{kind}.{group}";
        return new(new(422, "Invalid", $"{qualified} \"{name}\" is invalid: {text}")
        {
            Resource = new(group, ""),
            Kind = kind,
            Name = name,
            Causes = causes,
        });
    }
}
