using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.InferenceHost.Tools;
using Kaito.OpenAI;
using Kaito.Tokenization;

namespace Kaito.InferenceHost.Models;

/// <summary>A model folder's own tokenizer and chat template.</summary>
internal sealed class TokenizerText(Tokenizer tokenizer, ChatTemplate? template, TimeProvider clock) : IModelText
{
    /// <inheritdoc/>
    public int[] Encode(string text, bool addSpecialTokens) => tokenizer.Encode(text, addSpecialTokens);

    // What opens the text before the gap, the text after it, and the answer, as the families write it.
    private static readonly (string Before, string After, string Middle)[] s_gaps =
    [
        ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
        ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
        ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),
        ("▁<PRE>", "▁<SUF>", "▁<MID>"),
    ];

    /// <inheritdoc/>
    public int[]? EncodeInfill(string before, string after, bool addSpecialTokens)
    {
        foreach (var gap in s_gaps)
        {
            if (tokenizer.TokenId(gap.Before) is not null && tokenizer.TokenId(gap.After) is not null
                && tokenizer.TokenId(gap.Middle) is not null)
            {
                return tokenizer.Encode(
                    [new(gap.Before, true), new(before, false), new(gap.After, true), new(after, false), new(gap.Middle, true)],
                    addSpecialTokens);
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public CallFormat? Calls { get; } = template is null ? null : CallFormat.Of(template.Source);

    /// <inheritdoc/>
    public bool Thinks { get; } = template?.Source.Contains("</think>", StringComparison.Ordinal) == true;

    /// <inheritdoc/>
    public ChatPrompt EncodeChat(ChatCompletionRequest request)
    {
        if (template is null)
        {
            throw new PromptException("The model has no chat template; use /v1/completions.");
        }

        try
        {
            var rendered = template.RenderSegments(ToInput(request));
            var shown = request.ContinueFinalMessage is true ? UpToLastMessage(rendered, request) : rendered;
            return new(tokenizer.Encode(shown, request.AddSpecialTokens ?? false), Thinks && EndsInThought(shown));
        }
        catch (ChatTemplateException refused)
        {
            throw new PromptException($"The chat template refuses these messages: {refused.Message}", refused);
        }
    }

    /// <inheritdoc/>
    public ITextDecoder CreateDecoder(bool skipSpecialTokens = true) =>
        new Decoder(tokenizer.CreateStream(skipSpecialTokens));

    /// <inheritdoc/>
    public bool IsSpecial(int token) => tokenizer.IsSpecial(token);

    /// <inheritdoc/>
    public ReadOnlySpan<byte> TokenBytes(int token) => tokenizer.TokenBytes(token);

    // Only what the template's author wrote opens a thought.
    private static bool EndsInThought(IReadOnlyList<TextSegment> rendered)
    {
        var written = string.Concat(rendered.Where(static s => s.Trusted).Select(static s => s.Text));
        return written.TrimEnd().EndsWith("<think>", StringComparison.Ordinal);
    }

    // The template ends the turn; what comes after the last message's words goes, so that the model goes on with them.
    private static List<TextSegment> UpToLastMessage(
        IReadOnlyList<TextSegment> rendered, ChatCompletionRequest request)
    {
        var last = request.Messages![^1].Content?.Text ?? "";
        var all = string.Concat(rendered.Select(static segment => segment.Text));
        var spoken = all.Contains(last, StringComparison.Ordinal) ? last : last.Trim();
        var end = spoken.Length == 0 ? -1 : all.LastIndexOf(spoken, StringComparison.Ordinal);
        if (end < 0)
        {
            throw new PromptException(
                "The chat template does not show the last message, so it cannot be continued; leave "
                + "continue_final_message out.");
        }

        end += spoken.Length;
        var kept = new List<TextSegment>();
        foreach (var segment in rendered)
        {
            var length = int.Min(segment.Text.Length, end);
            kept.Add(segment with { Text = segment.Text[..length] });
            end -= length;
        }

        return kept;
    }

    private ChatTemplateInput ToInput(ChatCompletionRequest request) => new()
    {
        Messages = new([.. request.Messages!.Select(ToNode)]),
        Tools = request.Tools is { } tools ? new([.. tools.Select(ToNode)]) : null,
        AddGenerationPrompt = request.AddGenerationPrompt ?? true,
        SpecialTokens = tokenizer.SpecialTokens,
        Variables = Variables(request),
        Now = clock.GetUtcNow(),
    };

    private static JsonObject? Variables(ChatCompletionRequest request)
    {
        JsonObject? variables = request.ChatTemplateKwargs is { } given
            ? new(given.Select(static pair => KeyValuePair.Create(pair.Key, ToNode(pair.Value))))
            : null;
        if (request.ReasoningEffort is { } effort)
        {
            variables ??= [];
            variables.TryAdd("reasoning_effort", effort);
        }

        if (request.Documents is { } documents)
        {
            variables ??= [];
            variables["documents"] = new JsonArray([.. documents.Select(ToNode)]);
        }

        return variables;
    }

    private static JsonNode ToNode(ChatMessage message)
    {
        var node = new JsonObject { ["role"] = message.Role, ["content"] = message.Content?.Text };
        if (message.Name is not null)
        {
            node["name"] = message.Name;
        }

        if (message.ReasoningContent is not null)
        {
            node["reasoning_content"] = message.ReasoningContent;
        }

        if (message.ToolCallId is not null)
        {
            node["tool_call_id"] = message.ToolCallId;
        }

        if (message.ToolCalls is { Count: > 0 } calls)
        {
            node["tool_calls"] = new JsonArray([.. calls.Select(ToCall)]);
        }

        return node;
    }

    // On the wire the arguments are JSON text; templates expect the object.
    private static JsonNode? ToCall(JsonElement call)
    {
        var node = ToNode(call);
        if (node is JsonObject { } outer
            && outer["function"] is JsonObject function
            && function["arguments"] is JsonValue arguments
            && arguments.TryGetValue<string>(out var text))
        {
            try
            {
                function["arguments"] = JsonNode.Parse(text);
            }
            catch (JsonException malformed)
            {
                throw new PromptException("A tool call's arguments are not JSON; send JSON text.", malformed);
            }
        }

        return node;
    }

    private static JsonNode? ToNode(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => JsonObject.Create(element),
        JsonValueKind.Array => JsonArray.Create(element),
        _ => JsonValue.Create(element),
    };

    private sealed class Decoder(DetokenizerStream stream) : ITextDecoder
    {
        public string Push(int token) => stream.Append(token);

        public string Flush() => stream.Flush();
    }
}
