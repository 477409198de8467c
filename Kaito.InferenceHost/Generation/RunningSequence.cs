using System.Collections.Immutable;
using System.Text;
using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Models;

namespace Kaito.InferenceHost.Generation;

/// <summary>One sequence in the engine: from tokens to events. Touched by the engine's thread only.</summary>
internal sealed class RunningSequence : IPromptReader
{
    private readonly int _choice;
    private readonly ServedModel _model;
    private readonly ITextDecoder _decoder;
    private readonly StopScanner _scanner;
    private readonly TokenSampler _sampler;
    private readonly List<int> _ids = [];
    private readonly List<TokenReport> _reports = [];
    private readonly List<TokenReport> _promptReports = [];
    private readonly ThoughtCounter? _thoughts;
    private bool _begun;

    public RunningSequence(long id, int choice, GenerationStream call, ServedModel model)
    {
        (Id, _choice, Call, _model, Request) = (id, choice, call, model, call.Requests[choice]);
        _decoder = model.Text.CreateDecoder(skipSpecialTokens: !Request.KeepSpecialTokens);
        _thoughts = Request.BeginsInThought is { } within ? new(within) : null;
        _scanner = new(Request.Stop.Texts, Request.Stop.IncludeText);
        _sampler = new(
            Request.Sampling, Request.Prompt, [.. model.EndTokens, .. Request.Stop.Tokens], Request.Stop.MinNewTokens)
        {
            Report = Request.Report,
            Constraint = Request.Constraint,
        };
    }

    public long Id { get; }

    public GenerationStream Call { get; }

    public GenerationRequest Request { get; }

    public int NewTokens { get; private set; }

    /// <summary>When the engine took it in.</summary>
    public long Admitted { get; init; }

    public long FirstToken { get; set; }

    public long LastToken { get; set; }

    public EngineSequence ToEngineSequence() => new(Id, Request.Prompt, Request.MaxNewTokens, _sampler)
    {
        PromptReader = Request.ReportPrompt is null ? null : this,
        Adapters = Request.Adapters?.Mix,
        Priority = Request.Priority,
        CacheSalt = Request.CacheSalt,
    };

    /// <inheritdoc/>
    public void Read(int position, ReadOnlySpan<float> logits) => _promptReports.Add(
        TokenReports.Read(logits, Request.Prompt.Span[position], Request.ReportPrompt ?? 0));

    /// <summary>Takes one token and emits what it completes.</summary>
    /// <returns>The finish reason when this token ends the sequence.</returns>
    public string? Accept(EngineToken made)
    {
        var token = made.Token;
        if (NewTokens == 0)
        {
            Call.CountCached(_choice, made.Reused);
        }

        Begin();
        if (Request.PromptOnly)
        {
            return Finish("length", null, null);
        }

        if (_sampler.EndsDeadAt(NewTokens + 1))
        {
            return Finish("error", null, null);
        }

        NewTokens++;
        _ids.Add(token);
        if (_sampler.TakeReport() is { } report)
        {
            _reports.Add(report);
        }

        if (IsEnd(token))
        {
            return Finish("stop", null, Request.Stop.Tokens.Contains(token) ? token : null);
        }

        var text = _decoder.Push(token);
        if (_thoughts is not null)
        {
            Call.CountThoughts(_thoughts.Push(text));
        }

        EmitText(Scan(text));
        if (_scanner.Found is { } found)
        {
            return Finish("stop", found, null);
        }

        return NewTokens == Request.MaxNewTokens ? Finish("length", null, null) : null;
    }

    public void Abort() => Finish("abort", null, null);

    public void Fail(string message)
    {
        Release();
        Call.Emit(new GenerationEvent.Failed(_choice, message));
    }

    private void Begin()
    {
        if (!_begun && Request.ReportPrompt is not null)
        {
            Call.Emit(new GenerationEvent.Prompt(_choice, [.. _promptReports]));
        }

        _begun = true;
    }

    private bool IsEnd(int token) =>
        NewTokens > Request.Stop.MinNewTokens
        && (Request.Stop.Tokens.Contains(token) || (!Request.Stop.IgnoreEnd && _model.EndTokens.Contains(token)));

    private string Scan(string text) => NewTokens < Request.Stop.MinNewTokens ? text : _scanner.Push(text);

    private string Finish(string reason, string? stopText, int? stopToken)
    {
        if (stopText is null)
        {
            var rest = new StringBuilder(_scanner.Push(_decoder.Flush()));
            EmitText(rest.Append(_scanner.Found is null ? _scanner.Flush() : "").ToString());
        }

        Release();
        Call.Emit(new GenerationEvent.Finished(_choice, reason, stopText, stopToken, NewTokens, TakeTokens()));
        return reason;
    }

    private void EmitText(string text)
    {
        if (text.Length > 0)
        {
            Call.Emit(new GenerationEvent.Text(_choice, text, TakeTokens()));
        }
    }

    // Memory of the runtime's library, of which the garbage collector knows nothing.
    private void Release() => (Request.Constraint as IDisposable)?.Dispose();

    private EventTokens TakeTokens()
    {
        ImmutableArray<int> ids = [.. _ids];
        ImmutableArray<TokenReport> reports = [.. _reports];
        _ids.Clear();
        _reports.Clear();
        return new(ids, reports, NewTokens);
    }
}
