using System.Text.Json.Serialization;
using Kaito.InferenceHost.Generation;

namespace Kaito.InferenceHost.Http;

/// <summary>
/// Turns generating requests away while more wait than are served together: a client that is told so at once goes to
/// another replica, or comes again.
/// </summary>
internal sealed partial class RateLimit(
    RequestDelegate next, InferenceHostOptions options, ServerLoad load, ILogger<RateLimit> logger)
{
    private static readonly string[] s_guarded =
    [
        "/v1/completions", "/v1/chat/completions", "/v1/responses", "/v1/embeddings", "/chat", "/score", "/v1/score",
        "/rerank", "/v1/rerank", "/v2/rerank",
    ];

    public async Task InvokeAsync(HttpContext http, GenerationScheduler scheduler)
    {
        if (!HttpMethods.IsPost(http.Request.Method)
            || !s_guarded.Any(path => http.Request.Path.Equals(path, StringComparison.OrdinalIgnoreCase)))
        {
            await next(http);
            return;
        }

        if (TooMany(scheduler.Waiting, load.Pending, options.RateLimit) is { } waiting)
        {
            load.Reject();
            LogRejected(waiting, options.RateLimit!.Value);
            await RejectAsync(http, waiting, options.RateLimit.Value);
            return;
        }

        load.Enter();
        try
        {
            await next(http);
        }
        finally
        {
            load.Leave();
        }
    }

    /// <summary>How many wait, where that is too many; both counts, because a body that is read is not in the queue yet.</summary>
    /// <param name="queued">Calls in the queue.</param>
    /// <param name="pending">Calls between their first byte and their last one.</param>
    /// <param name="most">How many may wait; null for any number.</param>
    internal static int? TooMany(int queued, int pending, int? most) =>
        most is { } may && Math.Max(queued, pending - may) is var waiting && waiting > may ? waiting : null;

    private static Task RejectAsync(HttpContext http, int waiting, int most)
    {
        http.Response.StatusCode = StatusCodes.Status429TooManyRequests;
        http.Response.Headers.RetryAfter = "1";
        return http.Response.WriteAsJsonAsync(
            new(new(
                $"Too many requests: waiting queue ({waiting}) exceeds max-num-seqs ({most}).", "requests", null,
                "rate_limit_exceeded")),
            RateLimitJson.Default.RateLimitBody, cancellationToken: http.RequestAborted);
    }

    [LoggerMessage(LogLevel.Warning, "A request was turned away: {Waiting} wait, {Most} may")]
    private partial void LogRejected(int waiting, int most);
}

/// <summary>Generating requests between their first byte and their last one.</summary>
internal sealed class ServerLoad
{
    private int _pending;
    private long _rejected;

    public int Pending => Volatile.Read(ref _pending);

    /// <summary>Requests that were turned away since the start.</summary>
    public long Rejected => Interlocked.Read(ref _rejected);

    public void Enter() => Interlocked.Increment(ref _pending);

    public void Leave() => Interlocked.Decrement(ref _pending);

    public void Reject() => Interlocked.Increment(ref _rejected);
}

internal sealed record RateLimitBody(RateLimitError Error);

/// <param name="Message">How many wait and how many may.</param>
/// <param name="Type"><c>requests</c>.</param>
/// <param name="Param">Always null.</param>
/// <param name="Code">A word here, where the other errors have a number.</param>
internal sealed record RateLimitError(string Message, string Type, string? Param, string Code);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(RateLimitBody))]
internal sealed partial class RateLimitJson : JsonSerializerContext;
