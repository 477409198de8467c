using System.Text.Json.Nodes;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Api;

/// <summary>The query parameter <c>fieldValidation</c>: what to do about members that the kind does not have.</summary>
internal static class FieldValidation
{
    /// <summary>Removes unknown members; warns of them unless told to Ignore, refuses them with a 400 when Strict.</summary>
    public static void Apply(HttpContext http, ApiPath path, JsonObject body)
    {
        var mode = http.Request.Query["fieldValidation"].ToString();
        if (mode is not ("" or "Ignore" or "Warn" or "Strict"))
        {
            throw ApiStatusException.BadRequest($"fieldValidation: \"{mode}\" is not Ignore, Warn or Strict");
        }

        var unknown = ObjectShape.RemoveUnknown(path.Type, path.Version, body);
        if (unknown.Count > 0 && mode == "Strict")
        {
            var shown = string.Join(", ", unknown.Take(20).Select(static field => $"unknown field \"{field}\""));
            throw ApiStatusException.BadRequest(
                $"{path.Type.Kind} in version \"{path.Version.Name}\" cannot be handled as a {path.Type.Kind}: "
                + $"strict decoding error: {shown}");
        }

        foreach (var field in mode == "Ignore" ? [] : unknown)
        {
            ClientWarnings.Add(http, $"unknown field \"{field}\"");
        }
    }
}
