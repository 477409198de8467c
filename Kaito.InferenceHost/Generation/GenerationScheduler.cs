using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Kaito.InferenceHost.Models;

namespace Kaito.InferenceHost.Generation;

/// <summary>How far the host has come.</summary>
internal enum HostState
{
    Loading,
    Ready,

    /// <summary>The engine failed and is being loaded again.</summary>
    Recovering,
    Draining,
    Failed,
}

/// <summary>
/// Owns the thread that owns the engine. HTTP requests go through one bounded queue, so a full queue is an
/// answer (503), not a growing heap.
/// </summary>
internal sealed partial class GenerationScheduler(
    ModelLoader load,
    InferenceHostOptions options,
    InferenceMetrics metrics,
    TimeProvider clock,
    IHostApplicationLifetime lifetime,
    ILogger<GenerationScheduler> logger) : IHostedLifecycleService, IDisposable
{
    private readonly AdmissionQueue _queue = new(options.QueueCapacity);
    private readonly CancellationTokenSource _draining = new();
    private readonly CancellationTokenSource _abort = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile HostState _state = HostState.Loading;
    private volatile ServedModel? _model;
    private volatile Func<long, TimeSpan?>? _busyFor;
    private volatile string? _failure;

    public HostState State => _state;

    /// <summary>Whether one step of the engine takes longer than any step should.</summary>
    public bool Stalled => _busyFor?.Invoke(clock.GetTimestamp()) > options.StallLimit;

    /// <summary>
    /// Why the host cannot serve, for a person; <see langword="null"/> unless <see cref="HostState.Failed"/>.
    /// </summary>
    public string? Failure => _failure;

    /// <summary>Calls that wait for a slot.</summary>
    public int Waiting => _queue.Count;

    /// <summary>The model, once loaded.</summary>
    public ServedModel? Model => _model;

    /// <summary>
    /// Queues a call, or returns <see langword="false"/> at once when the host is saturated or draining.
    /// </summary>
    public bool TrySubmit(
        ImmutableArray<GenerationRequest> requests,
        CancellationToken cancelled,
        [NotNullWhen(true)] out GenerationStream? stream)
    {
        var candidate = new GenerationStream(requests, clock.GetTimestamp(), cancelled);
        stream = State == HostState.Ready && _queue.TryEnqueue(candidate) ? candidate : null;
        return stream is not null;
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        metrics.WaitingAdapters = _queue.Adapters;
        new Thread(Run) { IsBackground = true, Name = "engine" }.Start();
        return Task.CompletedTask;
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Comes before the server stops listening: new work gets a 503 while running answers end.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        var loading = TryMove(HostState.Loading, HostState.Draining);
        if (!loading && !TryMove(HostState.Ready, HostState.Draining))
        {
            TryMove(HostState.Recovering, HostState.Draining);
        }

        _queue.Close();
        await _draining.CancelAsync();
        if (!loading)
        {
            await EndsWithinAsync(options.ShutdownGrace, cancellationToken);
        }

        await _abort.CancelAsync();
        await EndsWithinAsync(TimeSpan.FromSeconds(2), cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        // A thread that still sits in native code keeps these; the process is about to end.
        if (_ended.Task.IsCompleted)
        {
            _queue.Dispose();
            _draining.Dispose();
            _abort.Dispose();
        }
    }

    private async Task EndsWithinAsync(TimeSpan time, CancellationToken cancellationToken)
    {
        try
        {
            await _ended.Task.WaitAsync(time, clock, cancellationToken);
        }
        catch (TimeoutException)
        {
            LogGraceOver(time);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            LogGraceOver(time);
        }
    }

    private void Run()
    {
        try
        {
            LoadAndServe();
        }
        catch (ModelLoadException failure)
        {
            Fail(failure.Message);
        }
        catch (Exception failure)
        {
            LogLost(failure);
            Fail($"The engine stopped: {failure.Message}");
        }
        finally
        {
            _ended.TrySetResult();
        }
    }

    private void LoadAndServe()
    {
        var loaded = Load();
        using var loop = new EngineLoop(loaded, _queue, metrics, clock, logger);
        if (!TryMove(HostState.Loading, HostState.Ready))
        {
            return;
        }

        _busyFor = loop.BusyFor;
        try
        {
            loop.Run(Rebuild, _draining.Token, _abort.Token);
        }
        catch
        {
            _state = HostState.Failed;
            _queue.Close();
            loop.FailAll("The engine stopped; the server is restarting.");
            throw;
        }
    }

    private LoadedModel Load()
    {
        var started = clock.GetTimestamp();
        var loaded = load();
        _model = loaded.Model;
        var report = loaded.Report;
        LogReady(
            loaded.Model.Name,
            loaded.Model.Root,
            clock.GetElapsedTime(started).TotalMilliseconds,
            report.Engine,
            report.ToString());
        if (report.WantedContextTokens > loaded.Model.ContextTokens)
        {
            LogReduced(report.WantedContextTokens, loaded.Model.ContextTokens);
        }

        if (report.Fallback is { } reason)
        {
            LogFallback(report.Engine, reason);
        }

        if (options.Speculation is not null && loaded.Engine.Usage.Speculation is null)
        {
            LogNoGuesses();
        }

        return loaded;
    }

    // Those who wait stay in the queue; new calls get a 503 until the engine is back.
    private LoadedModel Rebuild(Action endRunning)
    {
        TryMove(HostState.Ready, HostState.Recovering);
        endRunning();
        var loaded = Load();
        TryMove(HostState.Recovering, HostState.Ready);
        return loaded;
    }

    private bool TryMove(HostState from, HostState to) => Interlocked.CompareExchange(ref _state, to, from) == from;

    private void Fail(string message)
    {
        _failure = message;
        _state = HostState.Failed;

        // Stopping a host that still starts makes its start fail with a cancellation that explains nothing.
        lifetime.ApplicationStarted.Register(lifetime.StopApplication);
    }

    [LoggerMessage(
        LogLevel.Information,
        "Model {Model} from {Root} is loaded after {Milliseconds:F0} ms by the {Engine} engine ({Phases})")]
    private partial void LogReady(string model, string root, double milliseconds, string engine, string phases);

    [LoggerMessage(
        LogLevel.Warning, "Auto-fit max_model_len: reduced from {Wanted} to {Fitting} to fit in available memory")]
    private partial void LogReduced(int wanted, int fitting);

    [LoggerMessage(LogLevel.Warning, "The {Engine} engine runs the model, which is not the first choice: {Reason}")]
    private partial void LogFallback(string engine, string reason);

    [LoggerMessage(LogLevel.Warning, "This model's tokens cannot be guessed: speculative-config has no effect")]
    private partial void LogNoGuesses();

    [LoggerMessage(LogLevel.Warning, "Work went on past the grace of {Grace}; it is cut off")]
    private partial void LogGraceOver(TimeSpan grace);

    [LoggerMessage(LogLevel.Critical, "The engine's thread ended")]
    private partial void LogLost(Exception failure);
}
