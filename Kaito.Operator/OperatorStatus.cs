namespace Kaito.Operator;

/// <summary>Whether the operator does its work, and what keeps it from it.</summary>
internal sealed class OperatorStatus
{
    private volatile string? _problem = "starting";
    private volatile string? _failure;
    private volatile string? _webhookProblem;

    /// <summary>What is waited for; null when there is nothing.</summary>
    public string? Problem
    {
        get => _failure ?? _problem;
        set => _problem = value;
    }

    /// <summary>Why the webhooks do not answer; null when they do, and when there are none.</summary>
    public string? WebhookProblem
    {
        get => _webhookProblem;
        set => _webhookProblem = value;
    }

    /// <summary>Why the process ends, in one line for the user; null when it ends because it was asked to.</summary>
    public string? Failure
    {
        get => _failure;
        set => _failure = value;
    }
}
