using System.Text;
using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Models;

namespace Kaito.InferenceHost.Generation;

/// <summary>One sequence in the engine: from tokens to events. Touched by the engine's thread only.</summary>
internal sealed class RunningSequence(long id, int choice, GenerationStream call, ServedModel model)
{
    private readonly ITextDecoder _decoder = model.Text.CreateDecoder();
    private readonly StopScanner _scanner =
        new(call.Requests[choice].Stop.Texts, call.Requests[choice].Stop.IncludeText);

    public long Id { get; } = id;

    public GenerationStream Call { get; } = call;

    public GenerationRequest Request { get; } = call.Requests[choice];

    public int NewTokens { get; private set; }

    /// <summary>When the engine took it in.</summary>
    public long Admitted { get; init; }

    public long FirstToken { get; set; }

    public long LastToken { get; set; }

    public EngineSequence ToEngineSequence() => new(
        Id,
        Request.Prompt,
        Request.MaxNewTokens,
        new TokenSampler(
            Request.Sampling, Request.Prompt, [.. model.EndTokens, .. Request.Stop.Tokens], Request.Stop.MinNewTokens));

    /// <summary>Takes one token and emits what it completes.</summary>
    /// <returns>The finish reason when this token ends the sequence.</returns>
    public string? Accept(int token)
    {
        NewTokens++;
        if (IsEnd(token))
        {
            return Finish("stop", null, Request.Stop.Tokens.Contains(token) ? token : null);
        }

        EmitText(Scan(_decoder.Push(token)));
        if (_scanner.Found is { } found)
        {
            return Finish("stop", found, null);
        }

        return NewTokens == Request.MaxNewTokens ? Finish("length", null, null) : null;
    }

    public void Abort() => Finish("abort", null, null);

    public void Fail(string message) => Call.Emit(new GenerationEvent.Failed(choice, message));

    private bool IsEnd(int token) =>
        NewTokens > Request.Stop.MinNewTokens
        && (Request.Stop.Tokens.Contains(token) || (!Request.Stop.IgnoreEnd && model.EndTokens.Contains(token)));

    private string Scan(string text) => NewTokens < Request.Stop.MinNewTokens ? text : _scanner.Push(text);

    private string Finish(string reason, string? stopText, int? stopToken)
    {
        if (stopText is null)
        {
            var rest = new StringBuilder(_scanner.Push(_decoder.Flush()));
            EmitText(rest.Append(_scanner.Found is null ? _scanner.Flush() : "").ToString());
        }

        Call.Emit(new GenerationEvent.Finished(choice, reason, stopText, stopToken, NewTokens));
        return reason;
    }

    private void EmitText(string text)
    {
        if (text.Length > 0)
        {
            Call.Emit(new GenerationEvent.Text(choice, text));
        }
    }
}
