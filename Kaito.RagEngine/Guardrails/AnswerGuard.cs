using System.Text.Json.Nodes;
using Kaito.RagEngine.Metrics;

namespace Kaito.RagEngine.Guardrails;

/// <summary>Holds one answer to one policy, whole or as it streams.</summary>
internal sealed partial class AnswerGuard(GuardrailMetrics metrics, ILogger<AnswerGuard> logger)
{
    /// <summary>Texts of a message or a delta that a model writes in prose.</summary>
    internal static readonly string[] Texts = ["content", "reasoning_content", "reasoning"];

    /// <summary>Changes an answer in place to what may be sent.</summary>
    /// <param name="policy">The one that the request began with.</param>
    /// <param name="answer">A chat completion.</param>
    /// <exception cref="GuardrailException">A scanner failed; nothing of the answer may be sent.</exception>
    public void Apply(GuardrailPolicy policy, JsonObject answer)
    {
        if (!policy.Scans)
        {
            return;
        }

        var findings = new List<Finding>();
        var blocked = false;
        try
        {
            foreach (var choice in (answer["choices"] as JsonArray ?? []).OfType<JsonObject>())
            {
                blocked |= Apply(policy, choice, findings);
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Fail(policy, e);
            throw new GuardrailException(e);
        }

        Count(policy, (string?)answer["id"], findings, blocked);
    }

    /// <summary>Counts and logs what became of an answer.</summary>
    public void Count(GuardrailPolicy policy, string? id, IReadOnlyCollection<Finding> findings, bool blocked)
    {
        foreach (var finding in findings)
        {
            metrics.Hits.Add(finding.Scanner, Name(finding.Action));
        }

        var action = blocked ? "block" : findings.Count > 0 ? "redact" : "allow";
        metrics.Verdicts.Add(action);
        metrics.Actions.Add(action);
        if (blocked || findings.Count > 0)
        {
            LogTriggered(action, id ?? "", string.Join(',', findings.Select(static f => f.Scanner)), policy.Hash);
        }
    }

    /// <summary>Counts and logs an answer that was not sent because it could not be judged.</summary>
    public void Fail(GuardrailPolicy policy, Exception cause)
    {
        metrics.Verdicts.Add("fail_closed");
        LogFailed(cause, policy.Hash);
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

    /// <summary>Removes what tells the text once more, token by token.</summary>
    internal static void DropTokens(JsonObject choice)
    {
        choice.Remove("logprobs");
        choice.Remove("token_ids");
    }

    private static string Name(GuardrailAction action) => action == GuardrailAction.Block ? "block" : "redact";

    [LoggerMessage(
        LogLevel.Warning,
        "output_guardrails_triggered: action {Action}, response_id {Id}, scanners {Scanners}, policy_hash {Hash}")]
    private partial void LogTriggered(string action, string id, string scanners, string hash);

    [LoggerMessage(LogLevel.Error, "output_guardrails_failed: the answer is withheld, policy_hash {Hash}")]
    private partial void LogFailed(Exception cause, string hash);
}

/// <summary>An answer could not be judged, so none is sent.</summary>
internal sealed class GuardrailException(Exception cause)
    : Exception("Output guardrails failed while scanning the model response.", cause);
