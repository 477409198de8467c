using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Schemas;

namespace Kaito.DevCluster.Tables;

/// <summary>How rows are made.</summary>
/// <param name="Include">None, Metadata (the default) or Object: what each row carries besides its cells.</param>
/// <param name="Now">Ages are counted to this instant.</param>
internal sealed record TableRows(string Include, DateTimeOffset Now);

/// <summary>meta.k8s.io/v1 Tables, the form in which <c>kubectl get</c> prints.</summary>
internal static class TableRender
{
    private static readonly Column s_name = new("Name", "string", static (value, _) => value["metadata"]?["name"]?.ToString())
    {
        Format = "name",
    };

    private static readonly Column s_age = new("Age", "string", static (value, now) => Cells.Age(
        value["metadata"]?["creationTimestamp"], now));

    public static JsonObject Table(
        ResourceType type, TypeVersion version, IReadOnlyList<JsonObject> items, TableRows rows)
    {
        var columns = Columns(type, version);
        return new()
        {
            ["kind"] = "Table",
            ["apiVersion"] = "meta.k8s.io/v1",
            ["metadata"] = new JsonObject
            {
                ["resourceVersion"] = items.Count == 1 ? items[0]["metadata"]?["resourceVersion"]?.ToString() : "",
            },
            ["columnDefinitions"] = new JsonArray([.. columns.Select(static column => (JsonNode)column.ToJson())]),
            ["rows"] = new JsonArray([.. items.Select(item => (JsonNode)Row(columns, item, rows))]),
        };
    }

    public static JsonObject Metadata(JsonObject value) => new()
    {
        ["kind"] = "PartialObjectMetadata",
        ["apiVersion"] = "meta.k8s.io/v1",
        ["metadata"] = value["metadata"]?.DeepClone(),
    };

    private static Column[] Columns(ResourceType type, TypeVersion version)
    {
        if (!type.Custom)
        {
            return [s_name, .. BuiltinColumns.Of(type.Resource) ?? [s_age]];
        }

        return version.Columns.Length == 0
            ? [s_name, s_age]
            : [s_name, .. version.Columns.Select(static column => FromCustom(column))];
    }

    private static Column FromCustom(PrinterColumn column) => new(
        column.Name,
        column.Type == "date" ? "string" : column.Type,
        (value, now) => Cells.Of(JsonPath.Find(value, column.JsonPath), column.Type, now))
    {
        Priority = column.Priority,
        Format = column.Format,
        Description = column.Description,
    };

    private static JsonObject Row(Column[] columns, JsonObject item, TableRows rows)
    {
        var row = new JsonObject
        {
            ["cells"] = new JsonArray([.. columns.Select(column => column.Cell(item, rows.Now))]),
        };
        if (rows.Include != "None")
        {
            row["object"] = rows.Include == "Object" ? item.DeepClone() : Metadata(item);
        }

        return row;
    }
}

/// <summary>A column of a table.</summary>
internal sealed record Column(string Name, string Type, Func<JsonObject, DateTimeOffset, JsonNode?> Cell)
{
    public int Priority { get; init; }

    public string Format { get; init; } = "";

    public string Description { get; init; } = "";

    public JsonObject ToJson() => new()
    {
        ["name"] = Name,
        ["type"] = Type,
        ["format"] = Format,
        ["description"] = Description,
        ["priority"] = Priority,
    };
}

/// <summary>What stands in cells.</summary>
internal static class Cells
{
    /// <summary>The age that kubectl shows: <c>5s</c>, <c>3m12s</c>, <c>2d4h</c>.</summary>
    public static string Age(JsonNode? timestamp, DateTimeOffset now)
    {
        if (!DateTimeOffset.TryParse(
            timestamp?.ToString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var since))
        {
            return "<unknown>";
        }

        return Duration(now - since);
    }

    public static string Duration(TimeSpan span)
    {
        var seconds = Math.Max(0, (long)span.TotalSeconds);
        var (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
        return seconds switch
        {
            < 120 => $"{seconds}s",
            < 600 => minutes * 60 == seconds ? $"{minutes}m" : $"{minutes}m{seconds % 60}s",
            < 10800 => $"{minutes}m",
            < 28800 => hours * 60 == minutes ? $"{hours}h" : $"{hours}h{minutes % 60}m",
            < 172800 => $"{hours}h",
            < 691200 => days * 24 == hours ? $"{days}d" : $"{days}d{hours % 24}h",
            < 63072000 => $"{days}d",
            _ => $"{days / 365}y{days % 365}d",
        };
    }

    public static JsonNode? Of(IReadOnlyList<JsonNode> found, string type, DateTimeOffset now)
    {
        if (found.Count == 0)
        {
            return null;
        }

        if (type == "date")
        {
            return Age(found[0], now);
        }

        if (found.Count == 1 && type is "integer" or "number" or "boolean" && found[0] is JsonValue single)
        {
            return single.DeepClone();
        }

        return string.Join(",", found.Select(static node => node is JsonValue ? node.ToString() : node.ToJsonString()));
    }
}
