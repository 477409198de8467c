using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Kaito.RagEngine.Http;

/// <summary>Reads query parameters and collects everything that is wrong with them.</summary>
internal sealed class QueryValues(IQueryCollection query)
{
    public const string NoInteger = "Input should be a valid integer, unable to parse string as an integer";

    private static readonly JsonWriterOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly List<Problem> _found = [];

    public string? Text(string name) => query.TryGetValue(name, out var values) ? values[^1] ?? "" : null;

    public int? Whole(string name, int? otherwise, int least, int most)
    {
        if (Text(name) is not { } text)
        {
            return otherwise;
        }

        object[] place = ["query", name];
        if (!long.TryParse(text.Trim(), NumberStyles.Integer, CultureInfo.InvariantCulture, out var value))
        {
            _found.Add(new("int_parsing", place, NoInteger, Quote(text)));
            return otherwise;
        }

        if (Bound(place, value, Quote(text), least, most) is { } problem)
        {
            _found.Add(problem);
            return otherwise;
        }

        return (int)value;
    }

    public bool Flag(string name)
    {
        if (Text(name) is not { } text)
        {
            return false;
        }

        if (Truth(text) is { } truth)
        {
            return truth;
        }

        _found.Add(new(
            "bool_parsing", ["query", name], "Input should be a valid boolean, unable to interpret input", Quote(text)));
        return false;
    }

    /// <exception cref="BodyException">Something was wrong.</exception>
    public void Check()
    {
        if (_found.Count > 0)
        {
            throw new BodyException(_found);
        }
    }

    public static bool? Truth(string text) => text.ToLowerInvariant() switch
    {
        "true" or "1" or "yes" or "on" or "t" or "y" => true,
        "false" or "0" or "no" or "off" or "f" or "n" => false,
        _ => null,
    };

    public static Problem? Bound(object[] place, long value, string input, int least, int most)
    {
        if (value < least)
        {
            return new(
                "greater_than_equal", place,
                string.Create(CultureInfo.InvariantCulture, $"Input should be greater than or equal to {least}"),
                input, ("ge", least));
        }

        return value > most
            ? new(
                "less_than_equal", place,
                string.Create(CultureInfo.InvariantCulture, $"Input should be less than or equal to {most}"),
                input, ("le", most))
            : null;
    }

    /// <summary>A JSON string, with nothing escaped that need not be.</summary>
    public static string Quote(string text)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, s_plain))
        {
            json.WriteStringValue(text);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
