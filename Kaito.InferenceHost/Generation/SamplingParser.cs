using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core;
using Kaito.InferenceHost.Models;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Generation;

/// <summary>
/// Turns what chat and text completions share into runnable values, or into every reason why it cannot run.
/// </summary>
internal static class SamplingParser
{
    public const int MostChoices = 16;

    private const int MostStops = 64;

    // Below this, dividing by the temperature only loses precision.
    private const float LeastTemperature = 0.01f;

    private const float MostBias = 100;

    public static SamplingParameters Parse(
        SamplingRequest wire, ServedModel model, ImmutableArray<FieldError>.Builder found)
    {
        var defaults = model.Sampling;
        var temperature = Range(wire.Temperature, defaults.Temperature, "temperature", 0, 2, found);
        var topP = Range(wire.TopP, defaults.TopP, "top_p", 0, 1, found);
        var topK = wire.TopK ?? defaults.TopK;
        Require(topK >= -1, "top_k", $"top_k is {topK}; give -1 or 0 (off) or a positive count.", found);
        Require(topP > 0, "top_p", "top_p is 0; give a share above 0, up to 1.", found);
        var repetition = wire.RepetitionPenalty ?? defaults.RepetitionPenalty;
        Require(
            repetition > 0 && float.IsFinite(repetition),
            "repetition_penalty",
            string.Create(
                CultureInfo.InvariantCulture,
                $"repetition_penalty is {repetition}; give a number above 0, 1 is off."),
            found);
        CheckSupported(wire, found);
        var allowed = wire.AllowedTokenIds;
        Require(
            allowed is not { Count: 0 }, "allowed_token_ids", "allowed_token_ids is empty; name tokens or leave it out.",
            found);
        RequireTokens("allowed_token_ids", allowed ?? [], model, found);
        return new(
            temperature is > 0 and < LeastTemperature ? LeastTemperature : temperature,
            topP,
            int.Max(topK, 0),
            Range(wire.MinP, defaults.MinP, "min_p", 0, 1, found),
            repetition,
            Range(wire.PresencePenalty, 0, "presence_penalty", -2, 2, found),
            Range(wire.FrequencyPenalty, 0, "frequency_penalty", -2, 2, found),
            wire.Seed is -1 ? null : wire.Seed,
            ParseBias(wire.LogitBias, model.VocabularySize, found),
            allowed?.ToFrozenSet(),
            ParseBadWords(wire.BadWords ?? [], model, found));
    }

    public static StopRules ParseStop(
        SamplingRequest wire, int? maxTokens, ServedModel model, ImmutableArray<FieldError>.Builder found)
    {
        var texts = wire.Stop ?? [];
        var tokens = wire.StopTokenIds ?? [];
        var least = wire.MinTokens ?? 0;
        Require(texts.All(text => text.Length > 0), "stop", "stop holds an empty string; remove it.", found);
        Require(
            texts.Count <= MostStops, "stop", $"stop holds {texts.Count} strings; give at most {MostStops}.", found);
        Require(
            tokens.Count <= MostStops,
            "stop_token_ids",
            $"stop_token_ids holds {tokens.Count} ids; give at most {MostStops}.",
            found);
        RequireTokens("stop_token_ids", tokens, model, found);
        Require(least >= 0, "min_tokens", $"min_tokens is {least}; give 0 or more.", found);
        Require(
            maxTokens is not { } most || least <= int.Max(most, 0), "min_tokens", $"min_tokens is {least}; give at most max_tokens, {maxTokens}.", found);
        return new(
            [.. texts], tokens.ToFrozenSet(), wire.IncludeStopStrInOutput is true, wire.IgnoreEos is true, least);
    }

    /// <summary>Lower ones go first.</summary>
    public static int Priority(SamplingRequest wire) => wire.Priority ?? 0;

    public static string CacheSalt(SamplingRequest wire) => wire.CacheSalt ?? "";

    /// <summary>How often to answer each prompt, and how many of these answers to return.</summary>
    public static (int Sampled, int Wanted) ParseChoices(SamplingRequest wire, ImmutableArray<FieldError>.Builder found)
    {
        var n = wire.N ?? 1;
        Require(n is >= 1 and <= MostChoices, "n", $"n is {n}; give 1 to {MostChoices}.", found);
        Require(n == 1 || wire.Temperature is not 0, "n", $"n must be 1 when using greedy sampling, not {n}.", found);
        var best = wire.BestOf ?? n;
        Require(
            best >= n && best <= MostChoices, "best_of", $"best_of is {best}; give n ({n}) to {MostChoices}.", found);
        Require(
            best == n || wire.Stream is not true, "best_of", "best_of over n is not available when `stream=True`.",
            found);
        return (int.Clamp(best, 1, MostChoices), int.Clamp(n, 1, MostChoices));
    }

    /// <summary>The end of a prompt, where only that is to be kept.</summary>
    public static int[] Truncate(
        int[] prompt, SamplingRequest wire, int? maxTokens, ServedModel model, ImmutableArray<FieldError>.Builder found)
    {
        if (wire.TruncatePromptTokens is not { } kept)
        {
            return prompt;
        }

        Require(
            kept is -1 or >= 1 && kept < model.ContextTokens, "truncate_prompt_tokens",
            $"truncate_prompt_tokens is {kept}; give 1 to {model.ContextTokens - 1}, or -1 for as many as fit.", found);
        var most = kept == -1 ? model.ContextTokens - Math.Max(1, maxTokens ?? 1) : kept;
        return most >= 1 && most < prompt.Length ? prompt[^most..] : prompt;
    }

    /// <summary>
    /// How many tokens may be generated after a prompt of this length; all the room when none were asked for.
    /// </summary>
    public static int Budget(
        ReadOnlySpan<int> prompt, int? asked, ServedModel model, string part, ImmutableArray<FieldError>.Builder found)
    {
        var promptTokens = prompt.Length;
        var room = model.ContextTokens - promptTokens;
        if (prompt.IndexOfAnyExceptInRange(0, model.VocabularySize - 1) is >= 0 and var odd)
        {
            found.Add(new(
                part,
                "out-of-range",
                $"The {part} need token {prompt[odd]}; ids of this model go from 0 to {model.VocabularySize - 1}."));
        }

        if (promptTokens == 0)
        {
            found.Add(new(part, "empty", $"The {part} give no token; send some text."));
        }
        else if (room < 1)
        {
            found.Add(new(
                "input_tokens",
                "context-length-exceeded",
                $"This model's maximum context length is {model.ContextTokens} tokens. However, your request has "
                + $"{promptTokens} input tokens. Please reduce the length of the input {part}, or serve the model "
                + $"with a larger max_model_len (now {model.ContextTokens})."));
        }
        else if (asked > room)
        {
            found.Add(new(
                "max_tokens",
                "context-length-exceeded",
                $"'max_tokens' or 'max_completion_tokens' is too large: {asked}. This model's maximum context length "
                + $"(max_model_len) is {model.ContextTokens} tokens and your request has {promptTokens} input tokens; "
                + $"ask for at most {room}."));
        }

        Require(asked is null or >= 1, "max_tokens", $"max_tokens is {asked}; give at least 1.", found);
        return int.Max(1, int.Min(asked ?? model.Sampling.MaxNewTokens ?? room, room));
    }

    private static void CheckSupported(SamplingRequest wire, ImmutableArray<FieldError>.Builder found)
    {
        Require(
            wire.StreamOptions is null || wire.Stream is true,
            "stream_options",
            "Stream options can only be defined when `stream=True`.",
            found);
        Require(
            wire.CacheSalt is not "", "cache_salt", "Parameter 'cache_salt' must be a non-empty string if provided.", found);
        Require(
            wire.UseBeamSearch is not true, "use_beam_search",
            "This server does not search with beams; leave use_beam_search out, or ask for best_of.", found);
    }

    private static ImmutableArray<KeyValuePair<int, float>> ParseBias(
        IReadOnlyDictionary<string, float>? wire, int vocabulary, ImmutableArray<FieldError>.Builder found)
    {
        var bias = ImmutableArray.CreateBuilder<KeyValuePair<int, float>>();
        foreach (var (key, value) in wire ?? FrozenDictionary<string, float>.Empty)
        {
            if (int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out var token) && token < vocabulary)
            {
                bias.Add(new(token, float.Clamp(value, -MostBias, MostBias)));
                continue;
            }

            found.Add(new(
                "logit_bias",
                "out-of-range",
                $"logit_bias names token {key}; token ids go from 0 to {vocabulary - 1}."));
        }

        return bias.ToImmutable();
    }

    private static void RequireTokens(
        string name, IReadOnlyList<int> tokens, ServedModel model, ImmutableArray<FieldError>.Builder found)
    {
        foreach (var odd in tokens.Where(token => token < 0 || token >= model.VocabularySize).Take(1))
        {
            found.Add(new(
                name, "out-of-range", $"{name} holds {odd}; token ids go from 0 to {model.VocabularySize - 1}."));
        }
    }

    // A word may begin the answer or follow another one: both ways to write it are kept out.
    private static ImmutableArray<ImmutableArray<int>> ParseBadWords(
        IReadOnlyList<string> words, ServedModel model, ImmutableArray<FieldError>.Builder found)
    {
        Require(
            words.Count <= MostStops, "bad_words", $"bad_words holds {words.Count} words; give at most {MostStops}.",
            found);
        Require(words.All(static w => w?.Trim().Length > 0), "bad_words", "bad_words holds an empty word; remove it.", found);
        return
        [
            .. words.Where(static w => w?.Trim().Length > 0).Take(MostStops)
                .SelectMany(static w => new[] { w.TrimStart(), " " + w.TrimStart() })
                .Select(w => model.Text.Encode(w, addSpecialTokens: false).ToImmutableArray())
                .Where(static ids => !ids.IsEmpty),
        ];
    }

    private static float Range(
        float? value, float otherwise, string name, float least, float most, ImmutableArray<FieldError>.Builder found)
    {
        if (value is null || (value >= least && value <= most))
        {
            return value ?? otherwise;
        }

        found.Add(new(
            name,
            "out-of-range",
            string.Create(CultureInfo.InvariantCulture, $"{name} is {value}; give a number from {least} to {most}.")));
        return otherwise;
    }

    private static void Require(bool met, string name, string message, ImmutableArray<FieldError>.Builder found)
    {
        if (!met)
        {
            found.Add(new(name, "invalid", message));
        }
    }
}
