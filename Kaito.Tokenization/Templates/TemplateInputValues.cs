using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kaito.Tokenization.Templates;

/// <summary>JSON of the request as values of a template; every text in it is untrusted.</summary>
internal static class TemplateInputValues
{
    // Templates build special tokens from roles, as in '<|' + role + '|>', so that the known ones count as the
    // template's.
    private static readonly FrozenSet<string> s_roles =
        new[] { "system", "developer", "user", "assistant", "tool", "function", "ipython", "model" }.ToFrozenSet();

    public static object? From(JsonNode? node) => node switch
    {
        null => null,
        JsonArray array => array.Select(From).ToList(),
        JsonObject entries => Dict(entries),
        _ => Scalar(node.AsValue()),
    };

    public static List<object?> Messages(JsonArray messages)
    {
        var values = messages.Select(From).ToList();
        foreach (var message in values.OfType<TemplateDict>())
        {
            var key = TemplateText.Of("role");
            if (message.TryGet(key, out var role) && role is TemplateText text && s_roles.Contains(text.Value))
            {
                message[key] = TemplateText.Of(text.Value);
            }
        }

        return values;
    }

    private static TemplateDict Dict(JsonObject entries)
    {
        var dict = new TemplateDict();
        foreach (var (name, value) in entries)
        {
            dict[TemplateText.Of(name, trusted: false)] = From(value);
        }

        return dict;
    }

    private static object? Scalar(JsonValue value)
    {
        var kind = value.GetValueKind();
        return kind switch
        {
            JsonValueKind.String => TemplateText.Of(value.GetValue<string>(), trusted: false),
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            JsonValueKind.Number => Number(value.ToJsonString()),
            _ => null,
        };
    }

    private static object Number(string text) => long.TryParse(
        text, System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture,
        out var whole) ? (object)whole : double.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
