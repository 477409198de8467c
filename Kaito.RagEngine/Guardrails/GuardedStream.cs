using System.Text.Json.Nodes;

namespace Kaito.RagEngine.Guardrails;

/// <summary>
/// PURE: one streamed answer under one policy: events in, events out. Not thread-safe.
/// </summary>
/// <param name="policy">It scans.</param>
internal sealed class GuardedStream(GuardrailPolicy policy)
{
    private readonly SortedDictionary<string, OutputScan> _scans = new(StringComparer.Ordinal);
    private JsonObject _envelope = [];
    private bool _ended;

    /// <summary>Of the events, once one named it.</summary>
    public string? Id => _envelope["id"]?.ToString();

    /// <summary>True once nothing more of the answer may be sent.</summary>
    public bool Blocked => _scans.Values.Any(static s => s.Blocked);

    /// <summary>Each scanner that objected, once per action.</summary>
    public IReadOnlyCollection<Finding> Findings => [.. _scans.Values.SelectMany(static s => s.Findings).Distinct()];

    /// <param name="chunk">A chat completion chunk; it is changed.</param>
    /// <returns>What may be sent now.</returns>
    /// <exception cref="FormatException">It is no chunk of a single choice, so its text is not known.</exception>
    public IEnumerable<JsonObject> Take(JsonObject chunk)
    {
        if (_envelope.Count == 0)
        {
            _envelope = Envelope(chunk);
        }

        var choice = Choice(chunk);
        if (choice is null)
        {
            return [chunk];
        }

        var delta = Member<JsonObject>(choice, "delta") ?? [];
        var reason = Text(choice, "finish_reason");
        var passed = Scan(delta, last: reason is not null);
        if (Blocked)
        {
            return [];
        }

        GuardedAnswer.DropTokens(choice);
        if (reason is not null)
        {
            return passed.Count > 0 ? [Chunk(passed, null), chunk] : [chunk];
        }

        foreach (var (name, text) in passed)
        {
            delta[name] = text?.DeepClone();
        }

        return delta.Count > 0 || chunk["usage"] is not null ? [chunk] : [];
    }

    /// <summary>What was still held when the events ended.</summary>
    public IEnumerable<JsonObject> End()
    {
        var passed = _ended ? [] : Scan([], last: true);
        return passed.Count > 0 && !Blocked ? [Chunk(passed, null)] : [];
    }

    /// <summary>An event of this answer.</summary>
    public JsonObject Chunk(JsonObject delta, string? reason)
    {
        var chunk = (JsonObject)_envelope.DeepClone();
        chunk["choices"] = new JsonArray(
            new JsonObject { ["index"] = 0, ["delta"] = delta, ["finish_reason"] = reason });
        return chunk;
    }

    private JsonObject Scan(JsonObject delta, bool last)
    {
        var passed = new JsonObject();
        foreach (var name in GuardedAnswer.Texts)
        {
            var text = Text(delta, name);
            delta.Remove(name);
            if (text is { Length: > 0 } && _ended)
            {
                throw new FormatException("Text after the event that ended the answer.");
            }

            if (text is not null && !_scans.ContainsKey(name))
            {
                _scans[name] = new(policy);
            }

            if (!_ended && _scans.TryGetValue(name, out var scan) && scan.Push(text ?? "", last) is { Length: > 0 } ready)
            {
                passed[name] = ready;
            }
        }

        _ended |= last;
        return passed;
    }

    private static JsonObject Envelope(JsonObject chunk)
    {
        var envelope = new JsonObject();
        foreach (var name in (string[])["id", "object", "created", "model"])
        {
            if (chunk[name] is { } value)
            {
                envelope[name] = value.DeepClone();
            }
        }

        return envelope;
    }

    private static JsonObject? Choice(JsonObject chunk)
    {
        var choices = chunk["choices"] as JsonArray ?? throw new FormatException("choices must be a list.");
        if (choices.Count == 0)
        {
            return null;
        }

        var choice = choices[0] as JsonObject ?? throw new FormatException("A choice must be an object.");
        var index = choice["index"] is JsonValue value && value.TryGetValue<int>(out var number)
            ? number
            : throw new FormatException("The index of a choice must be an integer.");
        return choices.Count == 1 && index == 0
            ? choice
            : throw new FormatException("Guardrails hold one streamed choice, not several.");
    }

    private static string? Text(JsonObject parent, string name) => Member<JsonValue>(parent, name) is not { } value
        ? null
        : value.TryGetValue<string>(out var text)
            ? text
            : throw new FormatException($"{name} must be a string or null.");

    private static T? Member<T>(JsonObject parent, string name)
        where T : JsonNode => parent[name] switch
        {
            null => null,
            T found => found,
            _ => throw new FormatException($"{name} has the wrong type."),
        };
}
