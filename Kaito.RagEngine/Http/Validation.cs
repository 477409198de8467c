using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Kaito.RagEngine.Http;

/// <summary>One entry of a 422 answer, as FastAPI words it.</summary>
/// <param name="Type">Such as <c>missing</c>.</param>
/// <param name="Place">Names and numbers from <c>body</c> or <c>query</c> on.</param>
/// <param name="Message">What should be there.</param>
/// <param name="Input">What is there, as JSON.</param>
/// <param name="Context">One member that says more, such as <c>ge</c>.</param>
internal sealed record Problem(
    string Type, object[] Place, string Message, string Input, (string Name, object Value)? Context = null);

/// <summary>The request does not have the form that the route takes: 422.</summary>
internal sealed class BodyException(IReadOnlyList<Problem> problems) : Exception("The request has the wrong form.")
{
    private static readonly JsonWriterOptions s_raw = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public IReadOnlyList<Problem> Problems => problems;

    public IResult Answer => TypedResults.Text(
        Render(), "application/json", Encoding.UTF8, StatusCodes.Status422UnprocessableEntity);

    private string Render()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, s_raw))
        {
            json.WriteStartObject();
            json.WriteStartArray("detail");
            foreach (var problem in problems)
            {
                Write(json, problem);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter json, Problem problem)
    {
        json.WriteStartObject();
        json.WriteString("type", problem.Type);
        json.WriteStartArray("loc");
        foreach (var step in problem.Place)
        {
            Write(json, step);
        }

        json.WriteEndArray();
        json.WriteString("msg", problem.Message);
        json.WritePropertyName("input");
        json.WriteRawValue(problem.Input);
        if (problem.Context is var (name, value))
        {
            json.WriteStartObject("ctx");
            json.WritePropertyName(name);
            Write(json, value);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, object value)
    {
        if (value is int number)
        {
            json.WriteNumberValue(number);
        }
        else
        {
            json.WriteStringValue(Convert.ToString(value, CultureInfo.InvariantCulture));
        }
    }
}

/// <summary>Reads a JSON object member by member and collects everything that is wrong with it.</summary>
/// <param name="json">The object.</param>
/// <param name="place">Where it is.</param>
/// <param name="found">Receives problems.</param>
internal readonly struct Fields(JsonElement json, object[] place, List<Problem> found)
{
    /// <summary>A member that must be a string.</summary>
    public string Text(string name) =>
        json.TryGetProperty(name, out var value) ? AsText(name, value) : Missing(name, "");

    /// <summary>A member that may be left out; null is refused unless allowed.</summary>
    public string? Text(string name, string? otherwise, bool nullable) =>
        !json.TryGetProperty(name, out var value) ? otherwise
            : nullable && value.ValueKind == JsonValueKind.Null ? null : AsText(name, value);

    public bool Flag(string name, bool otherwise)
    {
        if (!json.TryGetProperty(name, out var value))
        {
            return otherwise;
        }

        switch (value.ValueKind)
        {
            case JsonValueKind.True or JsonValueKind.False:
                return value.ValueKind == JsonValueKind.True;
            case JsonValueKind.String when QueryValues.Truth(value.GetString()!) is { } truth:
                return truth;
            case JsonValueKind.Number when value.TryGetDouble(out var number) && number is 0 or 1:
                return value.GetDouble() is 1;
            case JsonValueKind.String:
                Add("bool_parsing", name, "Input should be a valid boolean, unable to interpret input", value);
                return otherwise;
            default:
                Add("bool_type", name, "Input should be a valid boolean", value);
                return otherwise;
        }
    }

    public int Whole(string name, int otherwise, int least, int most)
    {
        if (!json.TryGetProperty(name, out var value))
        {
            return otherwise;
        }

        if (!TryWhole(name, value, out var number))
        {
            return otherwise;
        }

        var problem = QueryValues.Bound([.. place, name], number, value.GetRawText(), least, most);
        if (problem is not null)
        {
            found.Add(problem);
            return otherwise;
        }

        return (int)number;
    }

    /// <summary>A member that is an object or null.</summary>
    public JsonElement? Object(string name)
    {
        if (!json.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.Object)
        {
            return value;
        }

        Add("dict_type", name, "Input should be a valid dictionary", value);
        return null;
    }

    /// <summary>A member that must be a list.</summary>
    /// <param name="name">Of the member.</param>
    /// <param name="read">Reads one item.</param>
    public List<T> List<T>(string name, Func<JsonElement, object[], List<Problem>, T> read)
    {
        if (!json.TryGetProperty(name, out var value))
        {
            return Missing(name, new List<T>());
        }

        if (value.ValueKind != JsonValueKind.Array)
        {
            Add("list_type", name, "Input should be a valid list", value);
            return [];
        }

        var items = new List<T>(value.GetArrayLength());
        var at = 0;
        foreach (var item in value.EnumerateArray())
        {
            items.Add(read(item, [.. place, name, at++], found));
        }

        return items;
    }

    /// <summary>The text of a string value, or a problem.</summary>
    public static string TextOf(JsonElement value, object[] place, List<Problem> found)
    {
        if (value.ValueKind != JsonValueKind.String)
        {
            found.Add(new("string_type", place, "Input should be a valid string", value.GetRawText()));
            return "";
        }

        return value.GetString()!;
    }

    private string AsText(string name, JsonElement value) => TextOf(value, [.. place, name], found);

    private T Missing<T>(string name, T otherwise)
    {
        found.Add(new("missing", [.. place, name], "Field required", json.GetRawText()));
        return otherwise;
    }

    private bool TryWhole(string name, JsonElement value, out long number)
    {
        number = 0;
        switch (value.ValueKind)
        {
            case JsonValueKind.Number when value.TryGetInt64(out number):
                return true;
            case JsonValueKind.Number when value.TryGetDouble(out var real):
                if (Math.Floor(real) == real && Math.Abs(real) < 1e15)
                {
                    number = (long)real;
                    return true;
                }

                Add(
                    "int_from_float", name,
                    "Input should be a valid integer, got a number with a fractional part", value);
                return false;
            case JsonValueKind.String when long.TryParse(
                value.GetString(), NumberStyles.Integer, CultureInfo.InvariantCulture, out number):
                return true;
            case JsonValueKind.String:
                Add("int_parsing", name, QueryValues.NoInteger, value);
                return false;
            default:
                Add("int_type", name, "Input should be a valid integer", value);
                return false;
        }
    }

    private void Add(string type, string name, string message, JsonElement value) =>
        found.Add(new(type, [.. place, name], message, value.GetRawText()));
}
