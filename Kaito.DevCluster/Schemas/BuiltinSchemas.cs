using System.Collections.Frozen;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Kaito.DevCluster.Schemas;

/// <summary>
/// Structural schemas of the built-in kinds: member names and types, read from <c>builtin-kinds.txt</c>. They refuse
/// members of the wrong type, find members that do not exist, and answer <c>kubectl explain</c>.
/// </summary>
internal static partial class BuiltinSchemas
{
    private static readonly FrozenDictionary<string, string> s_types = Read();

    // Kinds that occur as a whole inside others, as in volumeClaimTemplates.
    private static readonly FrozenSet<string> s_kinds =
        BuiltinTypes.All.Select(static type => type.Kind).Where(s_types.ContainsKey).ToFrozenSet();

    private static readonly FrozenDictionary<string, JsonObject> s_schemas =
        s_kinds.ToFrozenDictionary(static kind => kind, Render);

    /// <summary>The schema of <c>metadata</c> of every kind. Not to be changed.</summary>
    public static JsonObject Meta { get; } = Render("ObjectMeta");

    /// <summary>The schema of a built-in kind, not to be changed; null where members are not described.</summary>
    public static JsonObject? Of(ResourceType type) => type.Custom ? null : s_schemas.GetValueOrDefault(type.Kind);

    private static JsonObject Render(string type)
    {
        var properties = new JsonObject();
        if (s_kinds.Contains(type))
        {
            properties["apiVersion"] = Member("string");
            properties["kind"] = Member("string");
            properties["metadata"] = Render("ObjectMeta");
        }

        foreach (Match member in MemberPattern().Matches(s_types[type]))
        {
            properties[member.Groups["name"].Value] = Member(member.Groups["type"].Value);
        }

        return new() { ["type"] = "object", ["properties"] = properties };
    }

    private static JsonObject Member(string type) => type switch
    {
        "any" => new() { ["x-kubernetes-preserve-unknown-fields"] = true },
        "string" => new() { ["type"] = "string" },
        "bool" => new() { ["type"] = "boolean" },
        "int" => new()
        {
            ["type"] = "integer",
            ["format"] = "int32",
            ["minimum"] = int.MinValue,
            ["maximum"] = int.MaxValue,
        },
        "long" => new() { ["type"] = "integer", ["format"] = "int64" },
        "intOrString" => new()
        {
            ["x-kubernetes-int-or-string"] = true,
            ["type"] = "string",
            ["format"] = "int-or-string",
        },
        "quantity" => new()
        {
            ["anyOf"] = new JsonArray(
                new JsonObject { ["type"] = "number" }, new JsonObject { ["type"] = "string" }),
        },
        ['[', .. var item, ']'] => new() { ["type"] = "array", ["items"] = Member(item) },
        ['{', .. var item, '}'] => new() { ["type"] = "object", ["additionalProperties"] = Member(item) },
        _ => Render(type),
    };

    // Pod: spec PodSpec, status PodStatus
    private static FrozenDictionary<string, string> Read()
    {
        using var stream = typeof(BuiltinSchemas).Assembly.GetManifestResourceStream("builtin-kinds.txt")!;
        using var reader = new StreamReader(stream);
        return TypePattern().Matches(reader.ReadToEnd()).ToFrozenDictionary(
            static match => match.Groups["type"].Value, static match => match.Groups["members"].Value);
    }

    [GeneratedRegex(@"^(?<type>\w+):(?<members>.*(\n  .*)*)", RegexOptions.Multiline)]
    private static partial Regex TypePattern();

    [GeneratedRegex(@"(?<name>\w+)\s+(?<type>[\w{}\[\]]+)(,|\s*$)")]
    private static partial Regex MemberPattern();
}
