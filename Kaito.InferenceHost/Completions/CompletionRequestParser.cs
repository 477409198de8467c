using System.Collections.Immutable;
using Kaito.Core;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Models;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Completions;

/// <summary>A completion call that can run.</summary>
/// <param name="Requests">Prompt by prompt, n of each.</param>
/// <param name="Echoes">Text to put before each answer; empty without <c>echo</c>.</param>
internal sealed record CompletionCall(ImmutableArray<GenerationRequest> Requests, ImmutableArray<string> Echoes);

/// <summary>Turns wire JSON into runnable requests, or into every reason why it cannot run.</summary>
internal static class CompletionRequestParser
{
    private const int DefaultMaxTokens = 16;

    private const int MostPrompts = 64;

    public static Validated<CompletionCall> Parse(CompletionRequest wire, ServedModel model)
    {
        var found = ImmutableArray.CreateBuilder<FieldError>();
        var prompts = ParsePrompts(wire, model, found);
        CheckSupported(wire, found);
        var sampling = SamplingParser.Parse(wire, model, found);
        var stop = SamplingParser.ParseStop(wire, model, found);
        var choices = SamplingParser.ParseChoices(wire, found);
        var requests = ImmutableArray.CreateBuilder<GenerationRequest>();
        foreach (var prompt in prompts)
        {
            var asked = wire.MaxTokens ?? int.Min(DefaultMaxTokens, int.Max(1, model.ContextTokens - prompt.Length));
            var budget = SamplingParser.Budget(prompt, asked, model, "prompt", found);
            requests.AddRange(Enumerable.Range(0, choices).Select(i => new GenerationRequest(
                prompt, budget, sampling with { Seed = sampling.Seed + i }, stop)));
        }

        return found.Count > 0
            ? found.ToImmutable()
            : new CompletionCall(requests.ToImmutable(), Echoes(wire, model, requests.ToImmutable()));
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

        return
        [
            .. wire.Prompt.Texts.Select(text => model.Text.Encode(text, wire.AddSpecialTokens ?? true)),
            .. wire.Prompt.Tokens,
        ];
    }

    private static void CheckSupported(CompletionRequest wire, ImmutableArray<FieldError>.Builder found)
    {
        if (!string.IsNullOrEmpty(wire.Suffix))
        {
            found.Add(new("suffix", "unsupported", "suffix is not currently supported"));
        }

        if (wire.Logprobs is not null)
        {
            found.Add(new(
                "logprobs", "unsupported", "This server does not report log probabilities yet; leave logprobs out."));
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
        var texts = wire.Prompt.Texts.Concat(wire.Prompt.Tokens.Select(Decode));
        return [.. texts.SelectMany(text => Enumerable.Repeat(text, choices))];

        string Decode(int[] tokens)
        {
            var decoder = model.Text.CreateDecoder();
            return string.Concat(tokens.Select(decoder.Push)) + decoder.Flush();
        }
    }
}
