using System.Collections.Immutable;
using Kaito.Core;
using Kaito.InferenceHost.Models;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Generation;

/// <summary>What a call wants to know besides the text.</summary>
/// <param name="Answer">See <see cref="GenerationRequest.Report"/>.</param>
/// <param name="Prompt">See <see cref="GenerationRequest.ReportPrompt"/>.</param>
/// <param name="Ids">The ids of prompt and answer.</param>
/// <param name="Shapes">Puts reports into the shapes of the protocols.</param>
internal sealed record ReportRules(int? Answer, int? Prompt, bool Ids, LogprobShapes Shapes);

/// <summary>Turns what a request says of log probabilities into rules, or into every reason why it cannot be had.</summary>
internal static class ReportParser
{
    /// <summary>Most alternatives of a token; as vLLM's default.</summary>
    public const int MostAlternatives = 20;

    /// <param name="wire">The request.</param>
    /// <param name="alternatives">Alternatives per token of the answer; null for no log probabilities.</param>
    /// <param name="echo">The log probabilities of the prompt belong to the answer's.</param>
    /// <param name="model">The model.</param>
    /// <param name="found">Receives errors.</param>
    public static ReportRules Parse(
        SamplingRequest wire, (string Name, int? Value) alternatives, bool echo, ServedModel model,
        ImmutableArray<FieldError>.Builder found)
    {
        Check(alternatives.Name, alternatives.Value, found);
        Check("prompt_logprobs", wire.PromptLogprobs, found);
        if (wire.PromptLogprobs is not null && wire.Stream is true)
        {
            found.Add(new(
                "prompt_logprobs", "not-with-stream", "`prompt_logprobs` are not available when `stream=True`."));
        }

        var prompt = wire.PromptLogprobs ?? (echo ? alternatives.Value : null);
        if (prompt is not null && !model.ReadsPrompts)
        {
            found.Add(new(
                wire.PromptLogprobs is null ? "echo" : "prompt_logprobs",
                "unsupported",
                "This model computes nothing about the tokens of a prompt; leave prompt_logprobs out, and echo together "
                + "with logprobs."));
        }

        return new(
            alternatives.Value, prompt, wire.ReturnTokenIds is true,
            new(model.Text, wire.ReturnTokensAsTokenIds is true));
    }

    private static void Check(string name, int? value, ImmutableArray<FieldError>.Builder found)
    {
        if (value is < TokenReports.All or > MostAlternatives)
        {
            found.Add(new(
                name,
                "out-of-range",
                $"{name} is {value}; give 0 to {MostAlternatives}, or {TokenReports.All} for all tokens of the vocabulary."));
        }
    }
}
