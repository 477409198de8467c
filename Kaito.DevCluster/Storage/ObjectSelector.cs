using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Kaito.DevCluster.Storage;

/// <summary>Which objects of a list or watch are wanted: labels and a few fields.</summary>
internal sealed record ObjectSelector(
    ImmutableArray<LabelRequirement> Labels, ImmutableArray<FieldRequirement> Fields)
{
    public static ObjectSelector Everything { get; } = new([], []);

    /// <summary>Reads the query parameters <c>labelSelector</c> and <c>fieldSelector</c>; throws a 400 on bad syntax.</summary>
    public static ObjectSelector Parse(string? labels, string? fields) =>
        string.IsNullOrEmpty(labels) && string.IsNullOrEmpty(fields)
            ? Everything
            : new(LabelSelectors.Parse(labels), FieldRequirement.Parse(fields));

    /// <summary>A selector of labels only, <c>app=web,tier in (a,b)</c>.</summary>
    public static ObjectSelector OfLabels(string labels) => new(LabelSelectors.Parse(labels), []);

    /// <summary>A selector of fields only, <c>spec.nodeName=node-1</c>.</summary>
    public static ObjectSelector OfFields(string fields) => new([], FieldRequirement.Parse(fields));

    /// <summary>Reads the metav1.LabelSelector object that workloads carry; null selects nothing.</summary>
    public static ObjectSelector? OfObject(JsonObject? selector) =>
        selector is null ? null : new(LabelSelectors.FromObject(selector), []);

    public bool Matches(JsonObject value)
    {
        if (Labels.Length > 0)
        {
            var labels = value["metadata"]?["labels"] as JsonObject;
            foreach (var requirement in Labels)
            {
                if (!requirement.Matches(labels))
                {
                    return false;
                }
            }
        }

        foreach (var requirement in Fields)
        {
            if (!requirement.Matches(value))
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary>One <c>field=value</c> or <c>field!=value</c>; the field is a dotted path into the object.</summary>
internal sealed record FieldRequirement(ImmutableArray<string> Path, string Value, bool Equal)
{
    public static ImmutableArray<FieldRequirement> Parse(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return [];
        }

        var result = ImmutableArray.CreateBuilder<FieldRequirement>();
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var at = part.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0)
            {
                throw ApiStatusException.BadRequest(
                    $"fieldSelector \"{text}\": \"{part}\" is not field=value or field!=value");
            }

            var equal = part[at - 1] != '!';
            var field = part[..(equal ? at : at - 1)].Trim();
            var value = part[(at + 1)..].TrimStart('=').Trim();
            result.Add(new([.. field.Split('.')], value, equal));
        }

        return result.ToImmutable();
    }

    public bool Matches(JsonObject value)
    {
        JsonNode? node = value;
        foreach (var step in Path)
        {
            node = (node as JsonObject)?[step];
        }

        return string.Equals(node?.ToString() ?? "", Value, StringComparison.Ordinal) == Equal;
    }
}
