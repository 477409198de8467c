using System.Globalization;
using System.Text.Json;
using Kaito.RagEngine.Http;

namespace Kaito.RagEngine.Chat;

/// <summary>A message of a conversation.</summary>
/// <param name="Role">Such as <c>user</c>.</param>
/// <param name="Text">The words of it.</param>
/// <param name="Source">As the client wrote it.</param>
internal sealed record ChatMessage(string Role, string Text, JsonElement Source);

/// <summary>What the client asks, as far as this service looks into it.</summary>
/// <param name="Body">The whole request.</param>
/// <param name="Index"><see langword="null"/> to ask the model alone.</param>
/// <param name="Messages">Empty when the model alone is asked.</param>
internal sealed record ChatRequest(JsonElement Body, string? Index, IReadOnlyList<ChatMessage> Messages)
{
    private const int LeastRatio = 20;
    private const int MostRatio = 80;

    private static readonly string[] s_roles = ["user", "system", "assistant", "developer"];

    public bool Streams => Body.TryGetProperty("stream", out var stream) && stream.ValueKind == JsonValueKind.True;

    public string? Model => Body.TryGetProperty("model", out var model) && model.ValueKind == JsonValueKind.String
        ? model.GetString()
        : null;

    /// <summary>Tokens that the answer may have; <see langword="null"/> when the client does not say.</summary>
    public int? MostTokens => Whole("max_tokens") ?? Whole("max_completion_tokens");

    /// <summary>Share of the free room that passages may take; <see langword="null"/> for the setting's.</summary>
    public double? ContextRatio => Number("context_token_ratio") is { } ratio and not 0 ? ratio : null;

    /// <summary>The texts of all messages with blank lines between them.</summary>
    public string Prompt => string.Join("\n\n", Body.TryGetProperty("messages", out var messages)
        && messages.ValueKind == JsonValueKind.Array
            ? messages.EnumerateArray().Select(static m => m.ValueKind == JsonValueKind.Object ? MessageText.Of(m) : "")
                .Where(static text => text.Length > 0)
            : []);

    /// <summary>PURE: checks a request in upstream's order.</summary>
    /// <param name="body">A JSON object.</param>
    /// <param name="options">What is refused.</param>
    /// <exception cref="RagException">Refused.</exception>
    public static ChatRequest Parse(JsonElement body, RagEngineOptions options)
    {
        if (options.UpstreamLimits)
        {
            RefuseWhatUpstreamRefuses(body);
        }

        var index = body.TryGetProperty("index_name", out var name) && name.ValueKind == JsonValueKind.String
            && name.GetString() is { Length: > 0 } given
                ? given
                : null;
        return new(body, index, []);
    }

    /// <summary>PURE: reads the conversation of a request over an index.</summary>
    /// <returns>Without messages when the model alone must be asked: they hold more than text.</returns>
    /// <exception cref="RagException">A message is malformed.</exception>
    public ChatRequest WithMessages(RagEngineOptions options)
    {
        if (ContextRatio is { } ratio && (ratio * 100 < LeastRatio || ratio * 100 > MostRatio))
        {
            throw RagException.Invalid(string.Create(
                CultureInfo.InvariantCulture,
                $"Invalid context_token_ratio: {PythonText.Float(ratio)}. Must be between 0.2 and 0.8."));
        }

        if (options.UpstreamLimits && Streams)
        {
            throw RagException.Invalid("stream=true is only supported for passthrough chat completions.");
        }

        var messages = new List<ChatMessage>();
        if (Body.TryGetProperty("messages", out var list) && list.ValueKind == JsonValueKind.Array)
        {
            foreach (var message in list.EnumerateArray())
            {
                if (!TryRead(message, out var read))
                {
                    return this;
                }

                messages.Add(read);
            }
        }

        return messages.Count > 0
            ? this with { Messages = messages }
            : throw RagException.Invalid(PromptSplit.NoPrompt);
    }

    private static bool TryRead(JsonElement message, out ChatMessage read)
    {
        var role = RoleOf(message);
        var missing = !message.TryGetProperty("content", out var content) || content.ValueKind == JsonValueKind.Null;
        if (missing && role != "assistant")
        {
            throw RagException.Invalid($"Invalid request format: messages must contain 'content' for role '{role}'.");
        }

        read = new(role, missing ? "" : MessageText.Of(message), message);
        if (!s_roles.Contains(role) || (role == "user" && MessageText.HoldsMore(content)))
        {
            return false;
        }

        return role != "user" || read.Text.Length > 0
            ? true
            : throw RagException.Invalid("Invalid request format: user messages must contain 'content'.");
    }

    private static string RoleOf(JsonElement message) => message.ValueKind == JsonValueKind.Object
        && message.TryGetProperty("role", out var role) && role.ValueKind == JsonValueKind.String
        && role.GetString() is { Length: > 0 } given
            ? given
            : throw RagException.Invalid("Invalid request format: messages must contain 'role'.");

    private static void RefuseWhatUpstreamRefuses(JsonElement body)
    {
        if (Truthy(body, "tools") || Truthy(body, "functions"))
        {
            throw RagException.Invalid("tools and functions are not supported.");
        }

        if (body.TryGetProperty("n", out var n) && n.ValueKind == JsonValueKind.Number && n.GetDouble() > 1)
        {
            throw RagException.Invalid("n > 1 is not supported.");
        }
    }

    private static bool Truthy(JsonElement body, string name) => body.TryGetProperty(name, out var value)
        && (value.ValueKind == JsonValueKind.Array ? value.GetArrayLength() > 0 : value.ValueKind == JsonValueKind.Object);

    private int? Whole(string name) => Body.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
        && value.TryGetInt32(out var number) && number > 0
            ? number
            : null;

    private double? Number(string name) =>
        Body.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
}

/// <summary>PURE: the words of a message, whose content is a string or a list of parts.</summary>
internal static class MessageText
{
    public static string Of(JsonElement message)
    {
        if (!message.TryGetProperty("content", out var content))
        {
            return "";
        }

        return content.ValueKind switch
        {
            JsonValueKind.String => content.GetString()!,
            JsonValueKind.Array => string.Join('\n', content.EnumerateArray().Select(Part).OfType<string>()),
            JsonValueKind.Object => Part(content) ?? "",
            _ => "",
        };
    }

    /// <summary>Whether content has parts other than text, such as images.</summary>
    public static bool HoldsMore(JsonElement content) => content.ValueKind switch
    {
        JsonValueKind.String => false,
        JsonValueKind.Array => content.EnumerateArray().Any(static part =>
            part.ValueKind != JsonValueKind.String && Part(part) is null),
        _ => true,
    };

    private static string? Part(JsonElement part) => part.ValueKind switch
    {
        JsonValueKind.String => part.GetString(),
        JsonValueKind.Object when part.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String
            && (!part.TryGetProperty("type", out var type) || type.ValueEquals("text")) => text.GetString(),
        _ => null,
    };
}
