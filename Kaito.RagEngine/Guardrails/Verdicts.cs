using Kaito.RagEngine.Metrics;

namespace Kaito.RagEngine.Guardrails;

/// <summary>Counts and logs what became of answers.</summary>
internal sealed partial class Verdicts(RagMetrics metrics, ILogger<Verdicts> logger)
{
    /// <param name="policy">What the answer was held to.</param>
    /// <param name="id">The answer's.</param>
    /// <param name="findings">Of its scanners.</param>
    /// <param name="blocked">True if the policy's message took the place of a text.</param>
    public void Count(GuardrailPolicy policy, string? id, IReadOnlyCollection<Finding> findings, bool blocked)
    {
        foreach (var finding in findings)
        {
            metrics.Guardrails.Hits.Add(finding.Scanner, Name(finding.Action));
        }

        var action = blocked ? "block" : findings.Count > 0 ? "redact" : "allow";
        metrics.Guardrails.Verdicts.Add(action);
        metrics.Guardrails.Actions.Add(action);
        if (blocked || findings.Count > 0)
        {
            LogTriggered(action, id ?? "", string.Join(',', findings.Select(static f => f.Scanner)), policy.Hash);
        }
    }

    /// <summary>An answer was withheld because it could not be judged.</summary>
    public void Fail(GuardrailPolicy policy, Exception cause)
    {
        metrics.Guardrails.Verdicts.Add("fail_closed");
        LogFailed(cause, policy.Hash);
    }

    private static string Name(GuardrailAction action) => action == GuardrailAction.Block ? "block" : "redact";

    [LoggerMessage(
        LogLevel.Warning,
        "output_guardrails_triggered: action {Action}, response_id {Id}, scanners {Scanners}, policy_hash {Hash}")]
    private partial void LogTriggered(string action, string id, string scanners, string hash);

    [LoggerMessage(LogLevel.Error, "output_guardrails_failed: the answer is withheld, policy_hash {Hash}")]
    private partial void LogFailed(Exception cause, string hash);
}
