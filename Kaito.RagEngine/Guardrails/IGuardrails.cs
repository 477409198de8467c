namespace Kaito.RagEngine.Guardrails;

/// <summary>Decides what of the answering model's words may reach the client. The policy is taken once per request.</summary>
internal interface IGuardrails
{
    /// <summary>The guard by the policy that is in force now; later changes of the policy do not change it.</summary>
    /// <param name="streams">Whether the answer is streamed.</param>
    /// <exception cref="Http.RagException">The policy cannot guard a stream; the model has not been asked.</exception>
    IAnswerGuard Begin(bool streams);
}

/// <summary>Guards one answer: nothing that it has not released reaches the client.</summary>
internal interface IAnswerGuard
{
    /// <summary>A whole answer in, the same or a changed one out.</summary>
    /// <param name="answer">A chat completion as JSON, in UTF-8.</param>
    /// <param name="prompt">The texts of all messages, with blank lines between them.</param>
    /// <param name="cancellationToken">Ends the check.</param>
    /// <exception cref="Http.RagException">The check failed: the answer must not be shown.</exception>
    ValueTask<byte[]> CheckAsync(byte[] answer, string prompt, CancellationToken cancellationToken);

    /// <summary>
    /// The model's event stream in pieces of any size in, what may be shown out, as soon as it may. Ends the model's
    /// stream early by not asking for more.
    /// </summary>
    /// <param name="answer">Server-sent events as the model sends them; pieces need not be whole events.</param>
    /// <param name="prompt">The texts of all messages, with blank lines between them.</param>
    /// <param name="cancellationToken">Ends the stream.</param>
    IAsyncEnumerable<ReadOnlyMemory<byte>> ReleaseAsync(
        IAsyncEnumerable<ReadOnlyMemory<byte>> answer, string prompt, CancellationToken cancellationToken);
}

/// <summary>Without a policy everything passes as it is.</summary>
internal sealed class NoGuardrails : IGuardrails, IAnswerGuard
{
    public IAnswerGuard Begin(bool streams) => this;

    public ValueTask<byte[]> CheckAsync(byte[] answer, string prompt, CancellationToken cancellationToken) =>
        ValueTask.FromResult(answer);

    public IAsyncEnumerable<ReadOnlyMemory<byte>> ReleaseAsync(
        IAsyncEnumerable<ReadOnlyMemory<byte>> answer, string prompt, CancellationToken cancellationToken) => answer;
}
