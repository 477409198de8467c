using System.Collections.Immutable;
using System.Text.Json;
using Kaito.Core;
using Kaito.InferenceHost.Generation;
using Kaito.InferenceHost.Models;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Chat;

/// <summary>A chat call that can run.</summary>
internal sealed record ChatCall(ImmutableArray<GenerationRequest> Requests);

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
        var stop = SamplingParser.ParseStop(wire, model, found);
        var choices = SamplingParser.ParseChoices(wire, found);
        if (found.Count > 0 || !TryEncode(wire, model, found, out var prompt))
        {
            return found.ToImmutable();
        }

        var budget = SamplingParser.Budget(
            prompt, wire.MaxCompletionTokens ?? wire.MaxTokens, model, "messages", found);
        return found.Count > 0
            ? found.ToImmutable()
            : new ChatCall([.. Enumerable.Range(0, choices).Select(i => new GenerationRequest(
                prompt, budget, sampling with { Seed = sampling.Seed + i }, stop))]);
    }

    private static bool TryEncode(
        ChatCompletionRequest wire, ServedModel model, ImmutableArray<FieldError>.Builder found, out int[] prompt)
    {
        try
        {
            prompt = model.Text.EncodeChat(wire);
            return true;
        }
        catch (PromptException refused)
        {
            found.Add(new("messages", "refused", refused.Message));
            prompt = [];
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

    private static bool IsNone(JsonElement? choice) =>
        choice is { ValueKind: JsonValueKind.String } text && text.ValueEquals("none");

    private static void CheckSupported(ChatCompletionRequest wire, ImmutableArray<FieldError>.Builder found)
    {
        if (wire.Logprobs is true || wire.TopLogprobs > 0)
        {
            found.Add(new(
                "logprobs", "unsupported", "This server does not report log probabilities yet; leave logprobs out."));
        }

        if (s_reserved.FirstOrDefault(name => wire.ChatTemplateKwargs?.ContainsKey(name) is true) is { } reserved)
        {
            found.Add(new(
                "chat_template_kwargs",
                "reserved",
                $"chat_template_kwargs holds '{reserved}', which the server sets; leave it out."));
        }

        if (wire.Tools is { Count: 0 })
        {
            found.Add(new(
                "tools", "empty", "`tools` must not be an empty array; leave it out or declare a function."));
        }
        else if (wire.Tools is not null && !IsNone(wire.ToolChoice))
        {
            found.Add(new(
                "tools",
                "unsupported",
                "This server does not call tools yet; leave tools out or set tool_choice to 'none'."));
        }
        else if (wire.Tools is null && wire.ToolChoice is { ValueKind: JsonValueKind.Object })
        {
            found.Add(new("tool_choice", "missing-tools", "When using `tool_choice`, `tools` must be set."));
        }
    }
}
