using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Kaito.Core.Api;

namespace Kaito.Tests.Core.Api;

/// <summary>Whatever a version's schema allows comes back the same from the other version and from the operator's records.</summary>
public sealed class ConversionTests
{
    private const int Objects = 200;

    public static TheoryData<string, int> Schemas() =>
        [.. Crds.All.SelectMany(static crd => new[] { (crd.Name, 0), (crd.Name, 1) })];

    [Theory]
    [MemberData(nameof(Schemas))]
    public void ReadAndWritten_AnyObjectOfTheSchema_LosesNothing(string crd, int version)
    {
        var versions = JsonNode.Parse(Crds.All.Single(c => c.Name == crd).Json)!["spec"]!["versions"]!.AsArray();
        var schema = versions[version]!["schema"]!["openAPIV3Schema"]!;
        var other = versions[1 - version]!;
        for (var seed = 0; seed < Objects; seed++)
        {
            var item = Any(schema, new Random(seed), "").AsObject();
            item["metadata"] = new JsonObject { ["name"] = "any" };
            item["kind"] = crd.Split('.')[0] switch
            {
                "workspaces" => "Workspace",
                "ragengines" => "RAGEngine",
                _ => "InferenceSet",
            };

            // The API server converts by the name of the version alone.
            item["apiVersion"] = $"kaito.sh/{(string)other["name"]!}";
            Assert.Empty(Strangers(item, other["schema"]!["openAPIV3Schema"]!, ""));
            var back = Copy(crd, item);
            Assert.True(JsonNode.DeepEquals(item, back), $"seed {seed}:\n{item.ToJsonString()}\n{back!.ToJsonString()}");
        }
    }

    private static JsonNode? Copy(string crd, JsonObject item) => crd.Split('.')[0] switch
    {
        "workspaces" => Copy(item, WorkspaceJson.Default.WorkspaceResource),
        "ragengines" => Copy(item, WorkspaceJson.Default.RagEngineResource),
        _ => Copy(item, WorkspaceJson.Default.InferenceSetResource),
    };

    private static JsonNode? Copy<T>(JsonObject item, JsonTypeInfo<T> type) =>
        JsonSerializer.SerializeToNode(JsonSerializer.Deserialize(item, type)!, type);

    // Members that a server with this schema would prune.
    private static IEnumerable<string> Strangers(JsonNode? item, JsonNode schema, string path)
    {
        if (schema["x-kubernetes-preserve-unknown-fields"] is not null)
        {
            return [];
        }

        return item switch
        {
            JsonArray list => list.SelectMany(i => Strangers(i, schema["items"]!, $"{path}[]")),
            JsonObject map when schema["additionalProperties"] is { } values =>
                map.SelectMany(m => Strangers(m.Value, values, $"{path}.*")),
            JsonObject map when schema["properties"] is { } members => map.SelectMany(m => members[m.Key] is { } member
                ? Strangers(m.Value, member, $"{path}.{m.Key}")
                : [$"{path}.{m.Key}"]),
            _ => [],
        };
    }

    private static JsonNode Any(JsonNode schema, Random random, string name)
    {
        if (schema["x-kubernetes-preserve-unknown-fields"] is not null && schema["properties"] is null)
        {
            return new JsonObject { ["unknown"] = new JsonArray(1, "two", new JsonObject { ["deep"] = true }) };
        }

        return (string?)schema["type"] switch
        {
            "object" => AnyObject(schema, random),
            "array" => new JsonArray([.. Enumerable.Range(0, random.Next(3)).Select(_ => Any(schema["items"]!, random, name))]),
            "integer" => random.Next(1, 100),
            "boolean" => random.Next(2) == 0,
            "string" when schema["enum"] is JsonArray choices => choices[random.Next(choices.Count)]!.DeepClone(),
            "string" when (string?)schema["format"] == "date-time" => DateTimeOffset.UnixEpoch
                .AddSeconds(random.Next()).ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
            "string" => $"{name}-{random.Next(100)}",
            _ => random.Next(2) == 0 ? "25%" : 2,
        };
    }

    private static JsonObject AnyObject(JsonNode schema, Random random)
    {
        var required = schema["required"]?.AsArray().Select(static r => (string)r!).ToHashSet() ?? [];
        var item = new JsonObject();
        foreach (var (name, member) in schema["properties"]?.AsObject() ?? [])
        {
            if (required.Contains(name) || random.Next(3) > 0)
            {
                item[name] = Any(member!, random, name);
            }
        }

        for (var i = random.Next(3); i > 0 && schema["additionalProperties"] is { } values; i--)
        {
            item[$"key{i}"] = Any(values, random, "value");
        }

        return item;
    }
}
