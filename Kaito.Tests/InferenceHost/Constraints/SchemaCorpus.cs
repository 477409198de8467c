using System.Text.Json.Nodes;

namespace Kaito.Tests.InferenceHost.Constraints;

/// <summary>JSON Schemas of many kinds: those of a file, written by hand, and those made from templates with fixed seeds.</summary>
internal static class SchemaCorpus
{
    private const int Made = 720;

    private static readonly string[] s_names =
        ["id", "name", "kind", "value", "items", "count", "address", "tags", "when", "note", "parent", "a b", "x-1"];

    private static readonly string[] s_patterns =
    [
        "^[a-z]{2,6}$", "^(red|green|blue)$", "^[A-Z][0-9]{3}$", "^\\d{4}-\\d{2}$", "^#[0-9a-f]{6}$", "^\\+?[0-9]{5,9}$",
        "^v[0-9]+\\.[0-9]+$", "^[^\\s]{1,5}$", "^(a|b)*c$", "^[\\w.]{1,8}@[a-z]{1,5}\\.com$",
    ];

    private static readonly string[] s_formats =
        ["date", "time", "date-time", "uuid", "ipv4", "ipv6", "email", "hostname", "duration"];

    /// <summary>All of them, in a fixed order; no two are equal.</summary>
    public static IReadOnlyList<JsonObject> All { get; } =
    [
        .. JsonNode.Parse(File.ReadAllText(Repository.Path(
            "Kaito.Tests", "InferenceHost", "Constraints", "Golden", "schemas.json")))!.AsArray()
            .Concat(Enumerable.Range(0, Made).Select(static seed => new Maker(seed).Make()))
            .Select(static node => node!.DeepClone().AsObject()).DistinctBy(static schema => schema.ToJsonString()),
    ];

    /// <summary>Makes one schema; the same for the same seed.</summary>
    private sealed class Maker(int seed)
    {
        private readonly JsonObject _definitions = [];
        private ulong _state = (ulong)(seed + 1) * 0x9E3779B97F4A7C15;

        public JsonObject Make()
        {
            // Every kind is the root of some.
            var root = Of(seed % 17, 0);
            if (_definitions.Count > 0)
            {
                root["$defs"] = _definitions;
            }

            return root;
        }

        private JsonObject Any(int depth) => Of(depth >= 3 ? Below(9) : Below(17), depth);

        private JsonObject Of(int kind, int depth) => kind < 9 ? Plain(kind) : kind switch
        {
            9 => List(depth),
            10 => Tuple(depth),
            11 or 12 => Map(depth),
            13 => new() { ["anyOf"] = new JsonArray(Any(depth + 1), Any(depth + 1)) },
            14 => OneOf(depth),
            15 => Reference(depth),
            _ => new()
            {
                ["type"] = "object",
                ["additionalProperties"] = Any(depth + 1),
                ["patternProperties"] = new JsonObject { ["^n_"] = Integer() },
            },
        };

        private JsonObject Plain(int kind) => kind switch
        {
            0 => new() { ["enum"] = new JsonArray([.. Some(3).Select(static n => JsonValue.Create(n))]) },
            1 => new() { ["const"] = Below(2) == 0 ? Pick(s_names) : Below(1000) },
            2 => Integer(),
            3 => Number(),
            4 => new() { ["type"] = Below(2) == 0 ? "boolean" : "null" },
            5 => Text(),
            6 => new() { ["type"] = "string", ["pattern"] = Pick(s_patterns) },
            7 => new() { ["type"] = "string", ["format"] = Pick(s_formats) },
            _ => new() { ["type"] = "integer", ["multipleOf"] = 1 + Below(9), ["minimum"] = 0, ["maximum"] = 400 },
        };

        private JsonObject Integer()
        {
            var least = Below(200) - 100;
            var schema = new JsonObject { ["type"] = "integer", ["minimum"] = least };
            schema[Below(2) == 0 ? "maximum" : "exclusiveMaximum"] = least + 1 + Below(5000);
            return schema;
        }

        private JsonObject Number()
        {
            var least = (Below(2000) - 1000) / 8m;
            return new()
            {
                ["type"] = "number",
                [Below(2) == 0 ? "minimum" : "exclusiveMinimum"] = least,
                [Below(2) == 0 ? "maximum" : "exclusiveMaximum"] = least + 1 + (Below(800) / 4m),
            };
        }

        private JsonObject Text()
        {
            var least = Below(5);
            var schema = new JsonObject { ["type"] = Below(4) == 0 ? new JsonArray("string", "null") : "string" };
            schema["minLength"] = least;
            schema["maxLength"] = least + Below(12);
            return schema;
        }

        private JsonObject List(int depth)
        {
            var least = Below(3);
            return new()
            {
                ["type"] = "array",
                ["items"] = Any(depth + 1),
                ["minItems"] = least,
                ["maxItems"] = least + Below(3),
            };
        }

        private JsonObject Tuple(int depth) => new()
        {
            ["type"] = "array",
            ["prefixItems"] = new JsonArray(Any(depth + 1), Any(depth + 1)),
            ["items"] = false,
            ["minItems"] = 2,
        };

        private JsonObject Map(int depth)
        {
            var names = Some(1 + Below(4)).ToArray();
            var schema = new JsonObject
            {
                ["type"] = "object",
                ["properties"] = new JsonObject(names.Select(name => KeyValuePair.Create(name, (JsonNode?)Any(depth + 1)))),
                ["required"] = new JsonArray([.. names.Where(_ => Below(3) > 0).Select(static n => JsonValue.Create(n))]),
            };
            if (Below(3) > 0)
            {
                schema["additionalProperties"] = false;
            }

            return schema;
        }

        // Told apart by a constant, as such schemas are written.
        private JsonObject OneOf(int depth) => new()
        {
            ["oneOf"] = new JsonArray([.. Some(2).Select(name => new JsonObject
            {
                ["type"] = "object",
                ["properties"] = new JsonObject { ["type"] = new JsonObject { ["const"] = name }, ["of"] = Any(depth + 1) },
                ["required"] = new JsonArray("type", "of"),
                ["additionalProperties"] = false,
            })]),
        };

        private JsonObject Reference(int depth)
        {
            var name = $"d{_definitions.Count}";
            _definitions[name] = new JsonObject();
            _definitions[name] = Below(3) == 0 ? Any(depth + 1) : new JsonObject
            {
                ["type"] = "object",
                ["properties"] = new JsonObject
                {
                    ["of"] = Any(depth + 1),
                    ["next"] = new JsonObject
                    {
                        ["anyOf"] = new JsonArray(
                            new JsonObject { ["type"] = "null" }, new JsonObject { ["$ref"] = $"#/$defs/{name}" }),
                    },
                },
                ["required"] = new JsonArray("of", "next"),
                ["additionalProperties"] = false,
            };
            return new() { ["$ref"] = $"#/$defs/{name}" };
        }

        private IEnumerable<string> Some(int count)
        {
            var first = Below(s_names.Length);
            return Enumerable.Range(0, count).Select(i => s_names[(first + (i * 3)) % s_names.Length]).Distinct();
        }

        private T Pick<T>(T[] of) => of[Below(of.Length)];

        private int Below(int limit)
        {
            _state = (_state * 6364136223846793005) + 1442695040888963407;
            return (int)((_state >> 33) % (ulong)limit);
        }
    }
}
