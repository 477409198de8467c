using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.OpenAI;
using Kaito.Tokenization;

namespace Kaito.InferenceHost.Models;

/// <summary>A model folder's own tokenizer and chat template.</summary>
internal sealed class TokenizerText(Tokenizer tokenizer, ChatTemplate? template, TimeProvider clock) : IModelText
{
    /// <inheritdoc/>
    public int[] Encode(string text, bool addSpecialTokens) => tokenizer.Encode(text, addSpecialTokens);

    /// <inheritdoc/>
    public int[] EncodeChat(ChatCompletionRequest request)
    {
        if (template is null)
        {
            throw new PromptException("The model has no chat template; use /v1/completions.");
        }

        try
        {
            return tokenizer.Encode(template.RenderSegments(ToInput(request)), addSpecialTokens: false);
        }
        catch (ChatTemplateException refused)
        {
            throw new PromptException($"The chat template refuses these messages: {refused.Message}", refused);
        }
    }

    /// <inheritdoc/>
    public ITextDecoder CreateDecoder() => new Decoder(tokenizer.CreateStream(skipSpecialTokens: true));

    private ChatTemplateInput ToInput(ChatCompletionRequest request) => new()
    {
        Messages = new([.. request.Messages!.Select(ToNode)]),
        AddGenerationPrompt = request.AddGenerationPrompt ?? true,
        SpecialTokens = tokenizer.SpecialTokens,
        Variables = request.ChatTemplateKwargs is { } variables
            ? new(variables.Select(pair => KeyValuePair.Create(pair.Key, ToNode(pair.Value))))
            : null,
        Now = clock.GetUtcNow(),
    };

    private static JsonNode ToNode(ChatMessage message)
    {
        var node = new JsonObject { ["role"] = message.Role, ["content"] = message.Content?.Text };
        if (message.Name is not null)
        {
            node["name"] = message.Name;
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
