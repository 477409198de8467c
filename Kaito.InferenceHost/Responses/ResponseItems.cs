using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.InferenceHost.Tools;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Responses;

/// <summary>
/// One response as it comes about: its items, and the events that tell a client of them. Joined, the events are the items.
/// </summary>
internal sealed class ResponseItems(ResponsesRequest wire, JsonObject head)
{
    private readonly List<JsonObject> _done = [];
    private readonly StringBuilder _text = new();
    private JsonObject? _open;
    private string? _kind;
    private int _sequence;

    /// <summary>What a client is told first.</summary>
    public IEnumerable<(string Type, JsonObject Body)> Begin()
    {
        yield return Event("response.created", new() { ["response"] = Whole("in_progress", null) });
        yield return Event("response.in_progress", new() { ["response"] = Whole("in_progress", null) });
    }

    /// <summary>What a client is told of a part of the answer.</summary>
    public IEnumerable<(string Type, JsonObject Body)> Add(AnswerPart part) => part switch
    {
        AnswerPart.Content said => More("message", said.Text),
        AnswerPart.Reasoning thought => More("reasoning", thought.Text),
        AnswerPart.CallStarted call => Open("function_call", call.Name),
        AnswerPart.CallArguments more => More("function_call", more.Fragment),
        _ => [],
    };

    /// <summary>What a client is told last.</summary>
    /// <param name="reason">Why generation ended.</param>
    /// <param name="usage">Tokens.</param>
    public IEnumerable<(string Type, JsonObject Body)> End(string reason, Usage usage)
    {
        foreach (var told in Close())
        {
            yield return told;
        }

        var status = reason == "length" ? "incomplete" : "completed";
        yield return Event($"response.{status}", new() { ["response"] = Whole(status, usage) });
    }

    /// <summary>The response itself, as it is now.</summary>
    public JsonObject Whole(string status, Usage? usage)
    {
        var whole = head.DeepClone().AsObject();
        whole["status"] = status;
        whole["incomplete_details"] = status == "incomplete" ? new JsonObject { ["reason"] = "max_output_tokens" } : null;
        whole["instructions"] = wire.Instructions;
        whole["metadata"] = Given(wire.Metadata) ?? new JsonObject();
        whole["output"] = new JsonArray([.. _done.Select(static item => item.DeepClone())]);
        whole["parallel_tool_calls"] = wire.ParallelToolCalls ?? true;
        whole["temperature"] = wire.Temperature;
        whole["tool_choice"] = Given(wire.ToolChoice) ?? "auto";
        whole["tools"] = new JsonArray([.. (wire.Tools ?? []).Select(static t => Given(t))]);
        whole["top_p"] = wire.TopP;
        whole["background"] = false;
        whole["max_output_tokens"] = wire.MaxOutputTokens;
        whole["previous_response_id"] = null;
        whole["reasoning"] = Given(wire.Reasoning);
        whole["service_tier"] = "auto";
        whole["text"] = Given(wire.Text) ?? new JsonObject { ["format"] = new JsonObject { ["type"] = "text" } };
        whole["truncation"] = wire.Truncation ?? "disabled";
        whole["usage"] = usage is null ? null : Counts(usage);
        return whole;
    }

    private static JsonObject Counts(Usage usage) => new()
    {
        ["input_tokens"] = usage.PromptTokens,
        ["input_tokens_details"] = new JsonObject { ["cached_tokens"] = usage.PromptTokensDetails?.CachedTokens ?? 0 },
        ["output_tokens"] = usage.CompletionTokens,
        ["output_tokens_details"] = new JsonObject
        {
            ["reasoning_tokens"] = usage.CompletionTokensDetails?.ReasoningTokens ?? 0,
        },
        ["total_tokens"] = usage.TotalTokens,
    };

    private IEnumerable<(string Type, JsonObject Body)> Open(string kind, string name = "")
    {
        foreach (var told in Close())
        {
            yield return told;
        }

        (_kind, _open) = (kind, Item(kind, name));
        _text.Clear();
        yield return Event("response.output_item.added", new()
        {
            ["output_index"] = _done.Count,
            ["item"] = _open.DeepClone(),
        });
        if (kind == "message")
        {
            yield return Event("response.content_part.added", Place(new() { ["part"] = Part("") }));
        }
    }

    private IEnumerable<(string Type, JsonObject Body)> More(string kind, string text)
    {
        if (_kind != kind)
        {
            foreach (var told in Open(kind))
            {
                yield return told;
            }
        }

        _text.Append(text);
        yield return Event(
            kind switch
            {
                "message" => "response.output_text.delta",
                "reasoning" => "response.reasoning_text.delta",
                _ => "response.function_call_arguments.delta",
            },
            Place(new() { ["delta"] = text }));
    }

    private IEnumerable<(string Type, JsonObject Body)> Close()
    {
        if (_open is not { } item)
        {
            yield break;
        }

        var text = _text.ToString();
        item["status"] = "completed";
        switch (_kind)
        {
            case "message":
                item["content"] = new JsonArray(Part(text));
                yield return Event("response.output_text.done", Place(new() { ["text"] = text }));
                yield return Event("response.content_part.done", Place(new() { ["part"] = Part(text) }));
                break;
            case "reasoning":
                item["content"] = new JsonArray(new JsonObject { ["type"] = "reasoning_text", ["text"] = text });
                yield return Event("response.reasoning_text.done", Place(new() { ["text"] = text }));
                break;
            default:
                item["arguments"] = text;
                yield return Event("response.function_call_arguments.done", Place(new() { ["arguments"] = text }));
                break;
        }

        yield return Event("response.output_item.done", new()
        {
            ["output_index"] = _done.Count,
            ["item"] = item.DeepClone(),
        });
        _done.Add(item);
        (_open, _kind) = (null, null);
    }

    private static JsonObject Item(string kind, string name) => kind switch
    {
        "message" => new()
        {
            ["type"] = kind,
            ["id"] = Id("msg_"),
            ["role"] = "assistant",
            ["status"] = "in_progress",
            ["content"] = new JsonArray(),
        },
        "reasoning" => new()
        {
            ["type"] = kind,
            ["id"] = Id("rs_"),
            ["status"] = "in_progress",
            ["summary"] = new JsonArray(),
            ["content"] = new JsonArray(),
        },
        _ => new()
        {
            ["type"] = kind,
            ["id"] = Id("fc_"),
            ["call_id"] = Id("call_"),
            ["name"] = name,
            ["arguments"] = "",
            ["status"] = "in_progress",
        },
    };

    private JsonObject Place(JsonObject body)
    {
        body["item_id"] = _open!["id"]!.DeepClone();
        body["output_index"] = _done.Count;
        if (_kind != "function_call")
        {
            body["content_index"] = 0;
        }

        return body;
    }

    private static JsonObject Part(string text) =>
        new() { ["type"] = "output_text", ["text"] = text, ["annotations"] = new JsonArray() };

    private (string Type, JsonObject Body) Event(string type, JsonObject body)
    {
        body["type"] = type;
        body["sequence_number"] = _sequence++;
        return (type, body);
    }

    private static string Id(string prefix) => prefix + RandomNumberGenerator.GetHexString(32, lowercase: true);

    private static JsonNode? Given(JsonElement? value) => value is { ValueKind: not JsonValueKind.Null } given
        ? JsonSerializer.SerializeToNode(given, OpenAIJson.Default.JsonElement)
        : null;
}
