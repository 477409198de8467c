using System.Collections.Immutable;
using Kaito.RagEngine.Http;

namespace Kaito.RagEngine.Chat;

/// <summary>A conversation in two parts: what is asked now, and what came before.</summary>
/// <param name="Question">The user's messages since the last answer, with blank lines between them.</param>
/// <param name="History">All others, in order.</param>
/// <param name="Text">The whole conversation, as upstream counts it: the last message first.</param>
internal sealed record PromptSplit(string Question, ImmutableArray<ChatMessage> History, string Text)
{
    public const string NoPrompt = "There must be a user prompt since the latest assistant message.";

    /// <summary>Tokens of the text, once they have been counted.</summary>
    public int Tokens { get; init; }

    /// <summary>PURE.</summary>
    /// <exception cref="RagException">Nothing is asked.</exception>
    public static PromptSplit Of(IReadOnlyList<ChatMessage> messages)
    {
        var last = messages.Count - 1;
        while (last >= 0 && messages[last].Role != "assistant")
        {
            last--;
        }

        var asked = messages.Where((m, at) => at > last && m.Role == "user").ToList();
        var question = string.Join("\n\n", asked.Select(static m => m.Text));
        if (question.Length == 0)
        {
            throw RagException.Invalid(NoPrompt);
        }

        return new(
            question, [.. messages.Where(m => !asked.Contains(m))],
            string.Concat(messages.Reverse().Select(static m => $"\n\n{m.Text}")));
    }

    /// <summary>PURE.</summary>
    /// <exception cref="RagException">The conversation is longer than the window.</exception>
    public PromptSplit Counted(int tokens, int contextTokens) => tokens > contextTokens
        ? throw RagException.Invalid("Prompt length exceeds context window.")
        : this with { Tokens = tokens };
}
