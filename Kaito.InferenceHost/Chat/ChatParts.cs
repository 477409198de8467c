using System.Security.Cryptography;
using System.Text;
using Kaito.InferenceHost.Tools;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Chat;

/// <summary>The parts of one answer in the shapes of the protocol.</summary>
/// <param name="rules">How the answer is told apart.</param>
internal sealed class ChatParts(SplitRules rules)
{
    private readonly AnswerSplitter _splitter = new(rules);

    /// <summary>The whole message of a whole answer.</summary>
    public AssistantMessage Message(string echo, string text)
    {
        var (content, reasoning) = (new StringBuilder(echo), new StringBuilder());
        var calls = new List<(string Name, StringBuilder Arguments)>();
        foreach (var part in _splitter.Push(text).Concat(_splitter.Finish()))
        {
            switch (part)
            {
                case AnswerPart.Content said:
                    content.Append(said.Text);
                    break;
                case AnswerPart.Reasoning thought:
                    reasoning.Append(thought.Text);
                    break;
                case AnswerPart.CallStarted call:
                    calls.Add((call.Name, new()));
                    break;
                case AnswerPart.CallArguments more:
                    calls[more.Index].Arguments.Append(more.Fragment);
                    break;
            }
        }

        // Clients tell an answer that only calls by its missing content.
        var silent = content.Length == 0 && (calls.Count > 0 || reasoning.Length > 0);
        return new(silent ? null : content.ToString())
        {
            Reasoning = reasoning.Length > 0 ? reasoning.ToString() : null,
            ToolCalls = [.. calls.Select(call => new ToolCall(NewId(), new(call.Name, call.Arguments.ToString())))],
        };
    }

    /// <summary>What a piece of text adds; nothing while it may still become a mark.</summary>
    public IEnumerable<ChatDelta> Push(string text) => _splitter.Push(text).Select(Delta);

    public IEnumerable<ChatDelta> Finish() => _splitter.Finish().Select(Delta);

    /// <summary>How the protocol words the end of the answer.</summary>
    /// <param name="reason">Why generation ended.</param>
    public string Reason(string reason) =>
        reason == "stop" && _splitter.HasCalls && rules.OnlyArgumentsOf is null ? "tool_calls" : reason;

    private ChatDelta Delta(AnswerPart part) => part switch
    {
        AnswerPart.Content said => new(Content: said.Text),
        AnswerPart.Reasoning thought => new() { Reasoning = thought.Text },
        AnswerPart.CallStarted call => new() { ToolCalls = [new(call.Index, NewId(), "function", new(call.Name, ""))] },
        AnswerPart.CallArguments more => new() { ToolCalls = [new(more.Index, null, null, new(null, more.Fragment))] },
        _ => throw new InvalidOperationException($"An answer has no part {part}."),
    };

    // Models of Mistral's want ids of nine letters and digits when they read them again.
    private string NewId() => rules.Calls == CallFormat.Mistral
        ? RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 9)
        : $"chatcmpl-tool-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))}";
}
