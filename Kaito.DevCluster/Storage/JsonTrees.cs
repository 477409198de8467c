using System.Globalization;
using System.Text.Json.Nodes;

namespace Kaito.DevCluster.Storage;

/// <summary>Small steps on JSON trees.</summary>
internal static class JsonTrees
{
    extension(JsonObject tree)
    {
        public JsonObject Copy() => (JsonObject)tree.DeepClone();

        /// <summary>Sets a member to a copy, or removes it when the value is null.</summary>
        public void Replace(string name, JsonNode? value)
        {
            if (value is null)
            {
                tree.Remove(name);
            }
            else
            {
                tree[name] = value.DeepClone();
            }
        }

        /// <summary>The member as an object; added empty when it is absent or something else.</summary>
        public JsonObject Child(string name)
        {
            if (tree[name] is not JsonObject child)
            {
                tree[name] = child = [];
            }

            return child;
        }

        /// <summary>Sets a member that is absent.</summary>
        public void Default(string name, JsonNode value)
        {
            if (tree[name] is null)
            {
                tree[name] = value;
            }
        }

        /// <summary>The member's text, or null when it is absent or not a string.</summary>
        public string? Text(string name) =>
            tree[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
    }

    extension(JsonValue value)
    {
        /// <summary>The integer that a number or its text form holds; 0 for anything else.</summary>
        public long AsLong() =>
            long.TryParse(value.ToString(), NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) ? number : 0;
    }
}
