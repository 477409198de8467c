using System.Text.Json.Nodes;
using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.Publishing;

/// <summary>PURE: what a manifest says about containers and parameters.</summary>
internal static class ContainerEntries
{
    public static JsonObject Of(ContainerResource container)
    {
        var entry = new JsonObject { ["type"] = "container.v0" };
        if (container is QdrantServerResource qdrant)
        {
            entry["connectionString"] = qdrant.ConnectionString;
        }

        entry["image"] = container.Annotations.OfType<ContainerImageAnnotation>().Last().Reference;
        return entry;
    }

    /// <summary>Comes after the arguments.</summary>
    public static void AddVolumes(JsonObject entry, IResource resource)
    {
        JsonNode[] volumes =
        [
            .. resource.Annotations.OfType<ContainerVolume>().Select(static volume => new JsonObject
            {
                ["name"] = volume.Source,
                ["target"] = volume.Target,
                ["readOnly"] = volume.IsReadOnly,
            }),
        ];
        if (volumes.Length > 0)
        {
            entry["volumes"] = new JsonArray(volumes);
        }
    }

    public static JsonObject Of(ParameterResource parameter)
    {
        var input = new JsonObject { ["type"] = "string" };
        if (parameter.Secret)
        {
            input["secret"] = true;
        }

        if (parameter.Default is GenerateParameterDefault made)
        {
            var generate = new JsonObject { ["minLength"] = made.MinLength };
            if (!made.Special)
            {
                generate["special"] = false;
            }

            input["default"] = new JsonObject { ["generate"] = generate };
        }

        return new()
        {
            ["type"] = "parameter.v0",
            ["value"] = $"{{{parameter.Name}.inputs.value}}",
            ["inputs"] = new JsonObject { ["value"] = input },
        };
    }
}
