using System.Collections.Immutable;
using Kaito.Core;
using Kaito.InferenceHost.Constraints;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Models;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Completions;

/// <summary>A completion call that can run.</summary>
/// <param name="Requests">Prompt by prompt, n of each.</param>
/// <param name="Echoes">Text to put before each answer; empty without <c>echo</c>.</param>
/// <param name="Sampled">How many answers of each prompt are sampled.</param>
/// <param name="Wanted">How many of them are returned.</param>
/// <param name="Reports">What to report besides the text.</param>
internal sealed record CompletionCall(
    ImmutableArray<GenerationRequest> Requests, ImmutableArray<string> Echoes, int Sampled, int Wanted,
    ReportRules Reports) : IGenerationCall;

/// <summary>Turns wire JSON into runnable requests, or into every reason why it cannot run.</summary>
internal static class CompletionRequestParser
{
    private const int DefaultMaxTokens = 16;

    private const int MostPrompts = 64;

    public static Validated<CompletionCall> Parse(CompletionRequest wire, ServedModel model)
    {
        var found = ImmutableArray.CreateBuilder<FieldError>();
        var prompts = ParsePrompts(wire, model, found);
        CheckSuffix(wire, model, found);
        var sampling = SamplingParser.Parse(wire, model, found);
        var stop = SamplingParser.ParseStop(wire, wire.MaxTokens, model, found);
        var (sampled, wanted) = SamplingParser.ParseChoices(wire, found);
        var grammar = ConstraintParser.Parse(wire, null, model, found);
        var reports = ReportParser.Parse(wire, ("logprobs", wire.Logprobs), wire.Echo is true, model, found);
        var requests = ImmutableArray.CreateBuilder<GenerationRequest>();
        foreach (var whole in prompts)
        {
            var prompt = SamplingParser.Truncate(whole, wire, wire.MaxTokens, model, found);

            // Evaluation programs ask for nothing but what the model expected of the prompt.
            var promptOnly = wire is { MaxTokens: 0, Echo: true };
            var asked = promptOnly ? 1
                : wire.MaxTokens ?? int.Min(DefaultMaxTokens, int.Max(1, model.ContextTokens - prompt.Length));
            var budget = SamplingParser.Budget(prompt, asked, model, "prompt", found);
            requests.AddRange(Enumerable.Range(0, sampled).Select(i => new GenerationRequest(
                prompt, budget, sampling with { Seed = sampling.Seed + i }, stop)
            {
                Report = reports.Answer ?? (sampled > wanted ? 0 : null),
                ReportPrompt = reports.Prompt,
                PromptOnly = promptOnly,
                Adapters = model.Chosen,
                Priority = SamplingParser.Priority(wire),
                CacheSalt = SamplingParser.CacheSalt(wire),
                KeepSpecialTokens = wire.SkipSpecialTokens is false,
                Constraint = requests.Count + i == 0 ? grammar : grammar?.Clone(),
            }));
        }

        return found.Count > 0
            ? found.ToImmutable()
            : new CompletionCall(
                requests.ToImmutable(), Echoes(wire, model, requests.ToImmutable()), sampled, wanted, reports);
    }

    private static List<int[]> ParsePrompts(
        CompletionRequest wire, ServedModel model, ImmutableArray<FieldError>.Builder found)
    {
        var count = (wire.Prompt?.Texts.Count + wire.Prompt?.Tokens.Count) ?? 0;
        if (count is 0 or > MostPrompts)
        {
            found.Add(new(
                "prompt",
                "count",
                count == 0
                    ? "Either prompt or prompt_embeds must be provided and non-empty."
                    : $"The request holds {count} prompts; send at most {MostPrompts}."));
            return [];
        }

        var last = model.VocabularySize - 1;
        var ids = wire.Prompt!.Tokens.SelectMany(ids => ids);
        var odd = ids.Where(token => token < 0 || token > last).Take(1).ToArray();
        if (odd is [var id])
        {
            found.Add(new("prompt", "out-of-range", $"The prompt holds token {id}; ids go from 0 to {last}."));
            return [];
        }

        var special = wire.AddSpecialTokens ?? true;
        return string.IsNullOrEmpty(wire.Suffix)
            ? [.. wire.Prompt.Texts.Select(text => model.Text.Encode(text, special)), .. wire.Prompt.Tokens]
            : [.. wire.Prompt.Texts.Select(text => model.Text.EncodeInfill(text, wire.Suffix, special) ?? [])];
    }

    private static void CheckSuffix(
        CompletionRequest wire, ServedModel model, ImmutableArray<FieldError>.Builder found)
    {
        if (string.IsNullOrEmpty(wire.Suffix))
        {
            return;
        }

        if (model.Text.EncodeInfill("", wire.Suffix, false) is null)
        {
            found.Add(new("suffix", "unsupported", "suffix is not currently supported"));
        }
        else if (wire.Prompt is { Tokens.Count: > 0 })
        {
            found.Add(new("suffix", "exclusive", "suffix needs a prompt of text, and this one holds token ids."));
        }
        else if (wire.Echo is true)
        {
            found.Add(new("suffix", "exclusive", "suffix and echo cannot both be given: the prompt is not the answer's beginning."));
        }
    }

    private static ImmutableArray<string> Echoes(
        CompletionRequest wire, ServedModel model, ImmutableArray<GenerationRequest> requests)
    {
        if (wire.Echo is not true)
        {
            return [.. requests.Select(_ => "")];
        }

        var choices = requests.Length / (wire.Prompt!.Texts.Count + wire.Prompt.Tokens.Count);
        return wire.TruncatePromptTokens is null
            ? [.. wire.Prompt.Texts.Concat(wire.Prompt.Tokens.Select(static ids => (int[])[.. ids]).Select(Decode))
                .SelectMany(text => Enumerable.Repeat(text, choices))]
            : [.. requests.Select(request => Decode(request.Prompt.ToArray()))];

        string Decode(int[] tokens)
        {
            var decoder = model.Text.CreateDecoder(wire.SkipSpecialTokens ?? true);
            return string.Concat(tokens.Select(decoder.Push)) + decoder.Flush();
        }
    }
}
