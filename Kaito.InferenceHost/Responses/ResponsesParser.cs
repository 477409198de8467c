using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Responses;

/// <summary>Turns a request of this endpoint into one for a chat, or into every reason why it cannot be one.</summary>
internal static class ResponsesParser
{
    public static Validated<ChatCompletionRequest> Parse(ResponsesRequest wire)
    {
        var found = ImmutableArray.CreateBuilder<FieldError>();
        CheckSupported(wire, found);
        var messages = Messages(wire, found);
        var chat = new ChatCompletionRequest
        {
            Model = wire.Model,
            Messages = messages,
            MaxCompletionTokens = wire.MaxOutputTokens,
            Temperature = wire.Temperature,
            TopP = wire.TopP,
            TopK = wire.TopK,
            Priority = wire.Priority,
            CacheSalt = wire.CacheSalt,
            Stream = wire.Stream,
            Tools = wire.Tools is { Count: > 0 } tools ? [.. tools.Select(Nested)] : null,
            ToolChoice = wire.Tools is { Count: > 0 } && wire.ToolChoice is { } choice ? NestedChoice(choice) : null,
            ParallelToolCalls = wire.ParallelToolCalls,
            ResponseFormat = Format(wire.Text),
            ReasoningEffort = JsonMembers.Member(wire.Reasoning, "effort") is { ValueKind: JsonValueKind.String } effort
                ? effort.GetString()
                : null,
            TruncatePromptTokens = wire.Truncation == "auto" ? -1 : null,
        };
        return found.Count > 0 ? found.ToImmutable() : chat;
    }

    private static void CheckSupported(ResponsesRequest wire, ImmutableArray<FieldError>.Builder found)
    {
        if (wire.Prompt is { ValueKind: not JsonValueKind.Null })
        {
            found.Add(new("prompt", "unsupported", "This server stores no prompts; leave prompt out and send input."));
        }

        if (wire.Background is true)
        {
            found.Add(new(
                "background", "unsupported", "This server stores no responses, so it cannot work in the background; leave it out."));
        }
    }

    private static List<ChatMessage> Messages(ResponsesRequest wire, ImmutableArray<FieldError>.Builder found)
    {
        var messages = new List<ChatMessage>();
        if (!string.IsNullOrEmpty(wire.Instructions))
        {
            messages.Add(new() { Role = "system", Content = new MessageContent(wire.Instructions) });
        }

        switch (wire.Input)
        {
            case { ValueKind: JsonValueKind.String } text:
                messages.Add(new() { Role = "user", Content = new MessageContent(text.GetString()!) });
                break;
            case { ValueKind: JsonValueKind.Array } items:
                foreach (var (item, i) in items.EnumerateArray().Select(static (item, i) => (item, i)))
                {
                    Add(item, $"input.{i}", messages, found);
                }

                break;
            default:
                found.Add(new("input", "missing", "input is missing; give text or a list of items."));
                break;
        }

        return messages;
    }

    private static void Add(
        JsonElement item, string path, List<ChatMessage> messages, ImmutableArray<FieldError>.Builder found)
    {
        switch (Text(item, "type") ?? "message")
        {
            case "message" when Text(item, "role") is { } role && Content(item) is { } content:
                messages.Add(new() { Role = role, Content = new MessageContent(content) });
                break;
            case "function_call" when Text(item, "name") is not null && Text(item, "arguments") is not null:
                AddCall(item, messages);
                break;
            case "function_call_output" when Text(item, "call_id") is { } id:
                messages.Add(new()
                {
                    Role = "tool",
                    ToolCallId = id,
                    Content = new MessageContent(Text(item, "output") ?? JsonMembers.Member(item, "output")?.GetRawText() ?? ""),
                });
                break;
            case "reasoning":
                // Thoughts of earlier turns: the templates leave them out.
                break;
            default:
                found.Add(new(
                    path, "unsupported",
                    $"{path} is none of the items that this server reads: message with role and text, function_call, "
                    + "function_call_output, reasoning."));
                break;
        }
    }

    // Calls in a row are of one turn.
    private static void AddCall(JsonElement item, List<ChatMessage> messages)
    {
        var call = new JsonObject
        {
            ["id"] = Text(item, "call_id"),
            ["type"] = "function",
            ["function"] = new JsonObject { ["name"] = Text(item, "name"), ["arguments"] = Text(item, "arguments") },
        };
        var element = JsonSerializer.SerializeToElement(call, OpenAIJson.Default.JsonObject);
        if (messages is [.., { Role: "assistant", ToolCalls: { } calls } last])
        {
            messages[^1] = last with { ToolCalls = [.. calls, element] };
        }
        else
        {
            messages.Add(new() { Role = "assistant", ToolCalls = [element] });
        }
    }

    private static string? Content(JsonElement item) => JsonMembers.Member(item, "content") switch
    {
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        { ValueKind: JsonValueKind.Array } parts when parts.EnumerateArray().All(static p => Text(p, "text") is not null) =>
            string.Join('\n', parts.EnumerateArray().Select(static p => Text(p, "text"))),
        _ => null,
    };

    // {"type":"function","name":…} here is {"type":"function","function":{"name":…}} there.
    private static JsonElement Nested(JsonElement tool)
    {
        if (tool.ValueKind != JsonValueKind.Object || JsonMembers.Member(tool, "function") is not null)
        {
            return tool;
        }

        var function = JsonObject.Create(tool)!;
        function.Remove("type");
        return JsonSerializer.SerializeToElement(
            new JsonObject { ["type"] = "function", ["function"] = function.DeepClone() }, OpenAIJson.Default.JsonObject);
    }

    private static JsonElement NestedChoice(JsonElement choice) =>
        choice.ValueKind == JsonValueKind.Object ? Nested(choice) : choice;

    // {"format":{"type":"json_schema","schema":…}} here is {"type":"json_schema","json_schema":{"schema":…}} there.
    private static JsonElement? Format(JsonElement? text)
    {
        if (JsonMembers.Member(text, "format") is not { ValueKind: JsonValueKind.Object } format || Text(format, "type") != "json_schema")
        {
            return JsonMembers.Member(text, "format");
        }

        return JsonSerializer.SerializeToElement(
            new JsonObject { ["type"] = "json_schema", ["json_schema"] = JsonObject.Create(format) },
            OpenAIJson.Default.JsonObject);
    }

    private static string? Text(JsonElement item, string name) =>
        JsonMembers.Member(item, name) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;
}
