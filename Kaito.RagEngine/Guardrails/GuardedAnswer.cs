using System.Text.Json.Nodes;

namespace Kaito.RagEngine.Guardrails;

/// <summary>PURE: a whole answer under a policy.</summary>
internal static class GuardedAnswer
{
    /// <summary>Texts of a message or a delta that a model writes in prose.</summary>
    internal static readonly string[] Texts = ["content", "reasoning_content", "reasoning"];

    /// <summary>Changes an answer in place to what may be sent.</summary>
    /// <param name="policy">It scans.</param>
    /// <param name="answer">A chat completion.</param>
    /// <returns>Who objected, and whether a text was blocked.</returns>
    /// <exception cref="System.Text.RegularExpressions.RegexMatchTimeoutException">A pattern takes too long.</exception>
    public static (IReadOnlyCollection<Finding> Findings, bool Blocked) Apply(GuardrailPolicy policy, JsonObject answer)
    {
        var findings = new List<Finding>();
        var blocked = false;
        foreach (var choice in (answer["choices"] as JsonArray ?? []).OfType<JsonObject>())
        {
            blocked |= Apply(policy, choice, findings);
        }

        return (findings, blocked);
    }

    /// <summary>Removes what tells the text once more, token by token.</summary>
    internal static void DropTokens(JsonObject choice)
    {
        choice.Remove("logprobs");
        choice.Remove("token_ids");
    }

    private static bool Apply(GuardrailPolicy policy, JsonObject choice, List<Finding> findings)
    {
        if (choice["message"] is not JsonObject message)
        {
            return false;
        }

        var changed = false;
        foreach (var name in Texts)
        {
            if (message[name] is not JsonValue value || !value.TryGetValue<string>(out var text))
            {
                continue;
            }

            var scan = new OutputScan(policy);
            var passed = scan.Push(text, last: true);
            findings.AddRange(scan.Findings.Except(findings));
            if (scan.Blocked)
            {
                Block(policy, choice, message);
                return true;
            }

            if (passed != text)
            {
                message[name] = passed;
                changed = true;
            }
        }

        if (changed)
        {
            DropTokens(choice);
        }

        return false;
    }

    private static void Block(GuardrailPolicy policy, JsonObject choice, JsonObject message)
    {
        foreach (var name in Texts)
        {
            message.Remove(name);
        }

        message["content"] = policy.BlockMessage;
        DropTokens(choice);
    }
}
