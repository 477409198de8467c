using System.Collections.Immutable;
using Kaito.Core;
using Kaito.InferenceHost.Constraints;
using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Models;
using Kaito.InferenceHost.Tools;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Chat;

/// <summary>A chat call that can run.</summary>
/// <param name="Requests">As often as answers are sampled.</param>
/// <param name="Wanted">How many answers to return.</param>
/// <param name="Reports">What to report besides the text.</param>
/// <param name="Echo">Text to put before each answer.</param>
/// <param name="Split">How each answer is told apart.</param>
internal sealed record ChatCall(
    ImmutableArray<GenerationRequest> Requests, int Wanted, ReportRules Reports, string Echo, SplitRules Split)
    : IGenerationCall
{
    /// <summary>Thoughts are part of the answer.</summary>
    public bool IncludeReasoning { get; init; } = true;
}

/// <summary>Turns wire JSON into runnable requests, or into every reason why it cannot run.</summary>
internal static class ChatRequestParser
{
    // What the request itself says in another member.
    private static readonly string[] s_reserved = ["messages", "tools", "documents", "add_generation_prompt"];

    private static readonly string[] s_roles = ["system", "developer", "user", "assistant", "tool"];

    public static Validated<ChatCall> Parse(ChatCompletionRequest wire, ServedModel model)
    {
        var found = ImmutableArray.CreateBuilder<FieldError>();
        CheckMessages(wire.Messages ?? [], found);
        CheckSupported(wire, found);
        var sampling = SamplingParser.Parse(wire, model, found);
        var stop = SamplingParser.ParseStop(wire, Asked(wire), model, found);
        var (sampled, wanted) = SamplingParser.ParseChoices(wire, found);
        var tools = ToolParser.Parse(wire, model, found);
        var grammar = ConstraintParser.Parse(wire, tools.Grammar, model, found);
        var reports = ReportParser.Parse(
            wire, ("top_logprobs", wire.Logprobs is true ? wire.TopLogprobs ?? 0 : null), false, model, found);
        if (found.Count > 0 || !TryEncode(wire, model, found, out var prompt))
        {
            return found.ToImmutable();
        }

        var asked = Asked(wire);
        var tokens = SamplingParser.Truncate(prompt.Tokens, wire, asked, model, found);
        var budget = SamplingParser.Budget(tokens, asked, model, "messages", found);
        if (found.Count > 0)
        {
            return found.ToImmutable();
        }

        // Marks of calls may be control tokens.
        var shape = new GenerationRequest(tokens, budget, sampling, stop)
        {
            Report = reports.Answer ?? (sampled > wanted ? 0 : null),
            ReportPrompt = reports.Prompt,
            Adapters = model.Chosen,
            BeginsInThought = InThought(tools.Split, prompt),
            KeepSpecialTokens = wire.SkipSpecialTokens is false || tools.Split.Calls is not null,
        };
        var requests = Enumerable.Range(0, sampled).Select(i => shape with
        {
            Priority = SamplingParser.Priority(wire),
            CacheSalt = SamplingParser.CacheSalt(wire),
            Sampling = sampling with { Seed = sampling.Seed + i },
            Constraint = Constraint(i == 0 ? grammar : grammar?.Clone(), prompt.InThought, model),
        });
        return new ChatCall(
            [.. requests], wanted, reports, Echo(wire), tools.Split with { BeginsInThought = prompt.InThought })
        {
            IncludeReasoning = wire.IncludeReasoning is not false,
        };
    }

    private static int? Asked(ChatCompletionRequest wire) => wire.MaxCompletionTokens ?? wire.MaxTokens;

    private static bool? InThought(SplitRules rules, ChatPrompt prompt) => rules.Thinks ? prompt.InThought : null;

    private static ITokenConstraint? Constraint(GrammarMatcher? grammar, bool inThought, ServedModel model) =>
        grammar is not null && inThought ? new AfterThought(grammar, model.Text) : grammar;

    /// <summary>Only the tokens of the rendered messages.</summary>
    public static Validated<int[]> ParsePrompt(ChatCompletionRequest wire, ServedModel model)
    {
        var found = ImmutableArray.CreateBuilder<FieldError>();
        CheckMessages(wire.Messages ?? [], found);
        CheckTemplate(wire, found);
        return found.Count > 0 || !TryEncode(wire, model, found, out var prompt) ? found.ToImmutable() : prompt.Tokens;
    }

    // The protocol has it for answers that go on with what the assistant has begun to say.
    private static string Echo(ChatCompletionRequest wire) =>
        wire.Echo is true && wire.Messages is [.., { Role: "assistant", Content: { } begun }] ? begun.Text : "";

    private static bool TryEncode(
        ChatCompletionRequest wire, ServedModel model, ImmutableArray<FieldError>.Builder found, out ChatPrompt prompt)
    {
        try
        {
            prompt = model.Text.EncodeChat(wire);
            return true;
        }
        catch (PromptException refused)
        {
            found.Add(new("messages", "refused", refused.Message));
            prompt = new([], false);
            return false;
        }
    }

    private static void CheckMessages(IReadOnlyList<ChatMessage> messages, ImmutableArray<FieldError>.Builder found)
    {
        if (messages.Count == 0)
        {
            found.Add(new("messages", "empty", "messages is missing or empty; give at least one message."));
        }

        for (var i = 0; i < messages.Count; i++)
        {
            CheckMessage(messages[i], $"messages.{i}", found);
        }
    }

    private static void CheckMessage(ChatMessage? message, string path, ImmutableArray<FieldError>.Builder found)
    {
        if (message?.Role is not { } role || !s_roles.Contains(role))
        {
            found.Add(new(
                $"{path}.role",
                "unknown",
                $"The role is '{message?.Role}'; give one of {string.Join(", ", s_roles)}."));
            return;
        }

        if (message.Content is null && role != "assistant")
        {
            found.Add(new($"{path}.content", "missing", $"A {role} message needs content; give a string."));
        }

        var parts = message.Content?.Parts ?? [];
        if (parts.Any(static part => part is not { Type: "text", Text: not null }))
        {
            var odd = parts.First(static part => part is not { Type: "text", Text: not null });
            found.Add(new(
                $"{path}.content",
                "unsupported",
                $"A content part has type '{odd?.Type}'; this model reads text parts with a text member only."));
        }
    }

    private static void CheckSupported(ChatCompletionRequest wire, ImmutableArray<FieldError>.Builder found)
    {
        if (wire.TopLogprobs is not (null or 0) && wire.Logprobs is not true)
        {
            found.Add(new(
                "top_logprobs", "needs-logprobs", "when using `top_logprobs`, `logprobs` must be set to true."));
        }

        CheckTemplate(wire, found);
    }

    private static void CheckTemplate(ChatCompletionRequest wire, ImmutableArray<FieldError>.Builder found)
    {
        if (wire.ContinueFinalMessage is true && wire.AddGenerationPrompt is not false)
        {
            found.Add(new(
                "continue_final_message",
                "exclusive",
                "Cannot set both `continue_final_message` and `add_generation_prompt` to True; set "
                + "add_generation_prompt to false."));
        }

        if (!string.IsNullOrEmpty(wire.ChatTemplate))
        {
            found.Add(new(
                "chat_template",
                "refused",
                "This server renders the model's own template only; leave chat_template out."));
        }

        if (s_reserved.FirstOrDefault(name => wire.ChatTemplateKwargs?.ContainsKey(name) is true) is { } reserved)
        {
            found.Add(new(
                "chat_template_kwargs",
                "reserved",
                $"chat_template_kwargs holds '{reserved}', which the server sets; leave it out."));
        }
    }
}
