using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Apply;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;
using Kaito.DevCluster.Tables;

namespace Kaito.DevCluster.Api;

/// <summary>Patches by media type.</summary>
internal static class Patching
{
    public const string Json = "application/json-patch+json";
    public const string JsonMerge = "application/merge-patch+json";
    public const string Strategic = "application/strategic-merge-patch+json";

    public static JsonObject Patched(ResourceType type, string mediaType, JsonObject live, JsonNode patch) =>
        (mediaType, patch) switch
        {
            (Json, JsonArray operations) => JsonPatches.Apply(live, operations),
            (JsonMerge, JsonObject changes) => JsonPatches.Merge(live, changes),
            (Strategic, JsonObject changes) when !type.Custom => StrategicMerge.Apply(type, live, changes),
            (Json or JsonMerge or Strategic, _) when mediaType != Strategic || !type.Custom =>
                throw ApiStatusException.BadRequest($"the body does not have the form of {mediaType}"),
            _ when type.Custom => throw ApiStatusException.UnsupportedMediaType(mediaType, Json, JsonMerge),
            _ => throw ApiStatusException.UnsupportedMediaType(mediaType, Json, JsonMerge, Strategic),
        };

    public static bool NamesVersion(JsonNode patch) =>
        patch is JsonObject map && (map["metadata"] as JsonObject)?.ContainsKey("resourceVersion") == true;
}

/// <summary>autoscaling/v1 Scale of an object.</summary>
internal static class ScaleView
{
    public static JsonObject Of(JsonObject value, ScalePaths paths)
    {
        var meta = value["metadata"]!;
        var status = new JsonObject { ["replicas"] = JsonPath.First(value, paths.StatusReplicas)?.DeepClone() ?? 0 };
        if (paths.LabelSelector is not null && Selector(JsonPath.First(value, paths.LabelSelector)) is { Length: > 0 } text)
        {
            status["selector"] = text;
        }

        return new()
        {
            ["kind"] = "Scale",
            ["apiVersion"] = "autoscaling/v1",
            ["metadata"] = new JsonObject
            {
                ["name"] = meta["name"]?.DeepClone(),
                ["namespace"] = meta["namespace"]?.DeepClone(),
                ["uid"] = meta["uid"]?.DeepClone(),
                ["resourceVersion"] = meta["resourceVersion"]?.DeepClone(),
                ["creationTimestamp"] = meta["creationTimestamp"]?.DeepClone(),
            },
            ["spec"] = new JsonObject { ["replicas"] = JsonPath.First(value, paths.SpecReplicas)?.DeepClone() ?? 0 },
            ["status"] = status,
        };
    }

    /// <summary>Puts the wanted replicas and resourceVersion of a Scale into the object.</summary>
    public static void SetReplicas(ApiPath path, JsonObject value, JsonObject scale, ScalePaths paths)
    {
        var replicas = scale["spec"]?["replicas"];
        if (!long.TryParse(replicas?.ToString() ?? "0", CultureInfo.InvariantCulture, out var count) || count < 0)
        {
            throw ApiStatusException.Invalid("autoscaling", "Scale", path.Name ?? "",
                [StatusCause.Invalid("spec.replicas", replicas, "must be greater than or equal to 0")]);
        }

        JsonPath.Set(value, paths.SpecReplicas, count);
        if ((scale["metadata"] as JsonObject)?.String("resourceVersion") is { Length: > 0 } version)
        {
            value.Child("metadata")["resourceVersion"] = version;
        }
    }

    private static string Selector(JsonNode? selector) => selector switch
    {
        JsonObject map => string.Join(",", (map["matchLabels"] as JsonObject ?? []).Select(
            static label => $"{label.Key}={label.Value}")),
        _ => selector?.ToString() ?? "",
    };
}

/// <summary>Delete options and answers.</summary>
internal static class Deletes
{
    public static DeleteRequest Parse(JsonObject? body, IQueryCollection query)
    {
        var grace = body?["gracePeriodSeconds"]?.ToString() ?? query["gracePeriodSeconds"].ToString();
        var conditions = body?["preconditions"] as JsonObject;
        return new()
        {
            Propagation = Policy(body, query),
            GracePeriodSeconds =
                long.TryParse(grace, CultureInfo.InvariantCulture, out var seconds) && seconds >= 0 ? seconds : null,
            Uid = conditions?.String("uid"),
            ResourceVersion = conditions?.String("resourceVersion"),
            DryRun = query["dryRun"] == "All" || body?["dryRun"] is JsonArray { Count: > 0 },
        };
    }

    private static Propagation Policy(JsonObject? body, IQueryCollection query)
    {
        var policy = body?.String("propagationPolicy") ?? query["propagationPolicy"].ToString();
        if (policy.Length == 0)
        {
            var orphan = body?["orphanDependents"]?.ToString() ?? query["orphanDependents"].ToString();
            return orphan == "true" ? Propagation.Orphan : Propagation.Background;
        }

        return Enum.TryParse<Propagation>(policy, out var known)
            ? known
            : throw ApiStatusException.BadRequest(
                $"propagationPolicy: \"{policy}\" is not Background, Foreground or Orphan");
    }

    public static JsonObject Success(ApiPath path, JsonObject value) => new()
    {
        ["kind"] = "Status",
        ["apiVersion"] = "v1",
        ["metadata"] = new JsonObject(),
        ["status"] = "Success",
        ["details"] = new JsonObject
        {
            ["name"] = path.Name,
            ["group"] = path.Type.Group,
            ["kind"] = path.Type.Plural,
            ["uid"] = value["metadata"]?["uid"]?.DeepClone(),
        },
    };
}

/// <summary>Everyone with the token may do everything.</summary>
internal static class AccessReviews
{
    public static async Task AnswerAsync(HttpContext http)
    {
        if (!HttpMethods.IsPost(http.Request.Method))
        {
            throw ApiStatusException.MethodNotAllowed(http.Request.Method);
        }

        var review = await ApiBody.ReadObjectAsync(http.Request, http.RequestAborted);
        review["status"] = review.String("kind") == "SelfSubjectRulesReview"
            ? new JsonObject
            {
                ["resourceRules"] = new JsonArray(new JsonObject
                {
                    ["verbs"] = new JsonArray("*"),
                    ["apiGroups"] = new JsonArray("*"),
                    ["resources"] = new JsonArray("*"),
                }),
                ["nonResourceRules"] = new JsonArray(),
                ["incomplete"] = false,
            }
            : new JsonObject { ["allowed"] = true };
        await ApiAnswers.WriteAsync(http, review, 201);
    }
}
