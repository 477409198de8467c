using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Kaito.Core;
using Kaito.InferenceHost.Engine;

namespace Kaito.InferenceHost;

/// <summary>Reads <c>--speculative-config</c> in vLLM's form, of whose methods this server has <c>ngram</c>.</summary>
internal static class SpeculationArguments
{
    private const string Option = "speculative-config";
    private const int MostDraft = 32;
    private const int MostMatch = 64;

    // vLLM's, when neither is given.
    private const int DefaultMatch = 5;

    /// <returns>Null when nothing is to be guessed; a method that only vLLM has is a warning.</returns>
    public static SpeculationOptions? Parse(HostArguments named, ImmutableArray<FieldError>.Builder found)
    {
        if (named[Option] is not { } text)
        {
            return null;
        }

        try
        {
            using var config = JsonDocument.Parse(text);
            if (config.RootElement.ValueKind == JsonValueKind.Object)
            {
                return Read(config.RootElement, named, found);
            }
        }
        catch (JsonException)
        {
            // Told below.
        }

        found.Add(new(
            $"--{Option}", "malformed",
            $"{Option} is {text}; give a JSON object, e.g. {{\"method\":\"ngram\",\"num_speculative_tokens\":4}}."));
        return null;
    }

    private static SpeculationOptions? Read(
        JsonElement config, HostArguments named, ImmutableArray<FieldError>.Builder found)
    {
        var method = Text(config, "method") ?? (Text(config, "model") is "[ngram]" or "ngram" ? "ngram" : null);
        if (method is not "ngram")
        {
            named.Ignore($"--{Option} with method {method ?? "of a second model"}");
            return null;
        }

        var draft = Whole(config, "num_speculative_tokens", null, MostDraft, found);
        var longest = Whole(config, "prompt_lookup_max", Member(config, "prompt_lookup_min") ?? DefaultMatch, MostMatch, found);
        var shortest = Whole(config, "prompt_lookup_min", Member(config, "prompt_lookup_max") ?? DefaultMatch, MostMatch, found);
        if (shortest > longest)
        {
            found.Add(new(
                $"--{Option}.prompt_lookup_min", "out-of-range",
                $"prompt_lookup_min is {shortest} and prompt_lookup_max {longest}; the smaller one goes first."));
        }

        return new(draft, longest, shortest);
    }

    private static string? Text(JsonElement config, string name) =>
        JsonMembers.Member(config, name) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    private static int? Member(JsonElement config, string name) =>
        JsonMembers.Member(config, name) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out var value)
            ? value
            : null;

    private static int Whole(
        JsonElement config, string name, int? otherwise, int most, ImmutableArray<FieldError>.Builder found)
    {
        if ((JsonMembers.Member(config, name) is null ? otherwise : Member(config, name)) is { } value and >= 1 && value <= most)
        {
            return value;
        }

        found.Add(new(
            $"--{Option}.{name}", "out-of-range",
            string.Create(
                CultureInfo.InvariantCulture,
                $"{name} is {JsonMembers.Member(config, name)?.GetRawText() ?? "missing"}; give a whole number from 1 to {most}.")));
        return 1;
    }
}
