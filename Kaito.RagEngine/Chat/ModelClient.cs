using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Kaito.RagEngine.Http;
using Polly;
using Polly.Retry;

namespace Kaito.RagEngine.Chat;

/// <summary>The answering model behind its HTTP route: bounded in calls, in waiting and in time. Thread-safe.</summary>
internal sealed class ModelClient : IDisposable
{
    public const string ClientName = "answering-model";

    private const string Route = "/chat/completions";

    private const int UsualContextTokens = 64000;

    // Longer than any error body that helps.
    private const int MostErrorText = 4096;

    private static readonly TimeSpan s_discovery = TimeSpan.FromSeconds(5);

    private readonly RagEngineOptions _options;
    private readonly IHttpClientFactory _clients;
    private readonly TimeProvider _clock;
    private readonly SemaphoreSlim _places;
    private readonly ResiliencePipeline<HttpResponseMessage> _pipeline;
    private int _waiting;
    private ServedModel? _served;

    public ModelClient(RagEngineOptions options, IHttpClientFactory clients, TimeProvider clock)
    {
        (_options, _clients, _clock) = (options, clients, clock);
        _places = new(options.MostChats);
        _pipeline = Retries(clock);
    }

    /// <summary>The name that the model's server gives it; <see langword="null"/> when it cannot be asked.</summary>
    public async Task<string?> NameAsync(CancellationToken cancellationToken) =>
        (await ServedAsync(cancellationToken))?.Name;

    /// <summary>Tokens of prompt and answer together: the setting's, or what the server says, or upstream's default.</summary>
    public async Task<int> ContextTokensAsync(CancellationToken cancellationToken) => _options.ContextTokens
        ?? (await ServedAsync(cancellationToken))?.ContextTokens ?? UsualContextTokens;

    /// <summary>Asks and waits until the model begins to answer.</summary>
    /// <param name="body">A chat completions request.</param>
    /// <param name="failure">Words a failure: status, and text of the model's server.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="RagException">The model's server refuses, cannot be reached, or too many wait.</exception>
    public async Task<ModelAnswer> AskAsync(
        byte[] body, Func<int, string, string> failure, CancellationToken cancellationToken)
    {
        var model = _options.Model!;
        if (!model.Url.AbsoluteUri.Contains(Route, StringComparison.Ordinal))
        {
            throw RagException.Invalid($"Chat completions not supported through endpoint {model.Url.OriginalString}.");
        }

        await EnterAsync(cancellationToken);
        var answer = new ModelAnswer(_options.ModelTimeout, _clock, () => _places.Release(), cancellationToken);
        try
        {
            var response = await _pipeline.ExecuteAsync(
                async token =>
                {
                    var request = Request(HttpMethod.Post, model.Url, model.Key);
                    request.Content = new ByteArrayContent(body)
                    {
                        Headers = { ContentType = new MediaTypeHeaderValue("application/json") },
                    };
                    return await _clients.CreateClient(ClientName)
                        .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token);
                },
                answer.Token);
            answer.Response = response;
            if (response.IsSuccessStatusCode)
            {
                return answer;
            }

            var status = (int)response.StatusCode;
            throw new RagException(status, failure(status, await ErrorTextAsync(response, answer.Token)));
        }
        catch (Exception failed) when (failed is HttpRequestException or IOException)
        {
            answer.Dispose();
            throw new RagException(
                StatusCodes.Status500InternalServerError, $"Error during POST request: {failed.Message}", failed);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            answer.Dispose();
            throw answer.TimedOut();
        }
        catch
        {
            answer.Dispose();
            throw;
        }
    }

    /// <summary>Tokens of a text in the model's own vocabulary, where its server says so.</summary>
    /// <param name="text">Counted without the tokens that a chat puts around it.</param>
    /// <param name="name">The model, where the server has several; <see langword="null"/> for its own choice.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public async Task<TokenReply> TokensAsync(string text, string? name, CancellationToken cancellationToken)
    {
        var model = _options.Model!;
        using var timeout = new CancellationTokenSource(s_discovery, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            // Beside /v1, also where a gateway puts something before it.
            using var request = Request(HttpMethod.Post, new(model.Url, "../../tokenize"), model.Key);
            request.Content = new ByteArrayContent(ForwardedBody.Tokenize(text, name))
            {
                Headers = { ContentType = new MediaTypeHeaderValue("application/json") },
            };
            using var response = await _clients.CreateClient(ClientName).SendAsync(request, either.Token);
            if (!response.IsSuccessStatusCode)
            {
                return new(null, Lasting: (int)response.StatusCode is < 500 and not (408 or 429));
            }

            await using var body = await response.Content.ReadAsStreamAsync(either.Token);
            using var json = await JsonDocument.ParseAsync(body, cancellationToken: either.Token);
            return json.RootElement.GetProperty("count").TryGetInt32(out var count) && count >= 0
                ? new(count, Lasting: true)
                : new(null, Lasting: true);
        }
        catch (Exception other) when (other is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return new(null, Lasting: true);
        }
        catch (Exception away) when (away is HttpRequestException or IOException
            || (away is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return new(null, Lasting: false);
        }
    }

    public void Dispose() => _places.Dispose();

    // Asked until it has answered once.
    private async Task<ServedModel?> ServedAsync(CancellationToken cancellationToken)
    {
        if (_served is not null || _options.Model is not { } model)
        {
            return _served;
        }

        using var timeout = new CancellationTokenSource(s_discovery, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            using var request = Request(HttpMethod.Get, new(model.Url, "/v1/models"), model.Key);
            using var response = await _clients.CreateClient(ClientName).SendAsync(request, either.Token);
            await using var body = await response.Content.ReadAsStreamAsync(either.Token);
            using var json = await JsonDocument.ParseAsync(body, cancellationToken: either.Token);
            var first = json.RootElement.GetProperty("data")[0];
            int? length = first.TryGetProperty("max_model_len", out var given)
                && given.ValueKind == JsonValueKind.Number && given.TryGetInt32(out var tokens) && tokens > 0
                    ? tokens
                    : null;
            return _served = new(first.GetProperty("id").GetString() ?? "", length);
        }
        catch (Exception unknown) when (unknown is HttpRequestException or JsonException or KeyNotFoundException
            or InvalidOperationException or IndexOutOfRangeException
            || (unknown is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return null;
        }
    }

    private HttpRequestMessage Request(HttpMethod method, Uri url, string key)
    {
        var request = new HttpRequestMessage(method, url);
        request.Headers.Authorization = new("Bearer", key);
        request.Headers.UserAgent.Add(new("KAITO-RagEngine", _options.Version));
        return request;
    }

    // As many may wait as may be answered; more are turned away at once.
    private async Task EnterAsync(CancellationToken cancellationToken)
    {
        if (_places.Wait(0, CancellationToken.None))
        {
            return;
        }

        try
        {
            if (Interlocked.Increment(ref _waiting) > _options.MostChats
                || !await _places.WaitAsync(_options.ModelTimeout, cancellationToken))
            {
                throw new RagException(
                    StatusCodes.Status503ServiceUnavailable, "Too many chats wait for the model; retry shortly.")
                {
                    RetryAfter = 1,
                };
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private static async Task<string> ErrorTextAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var bytes = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        return Encoding.UTF8.GetString(bytes.AsSpan(0, Math.Min(bytes.Length, MostErrorText)));
    }

    // Only what says that the model has not begun; whatever it began may have had effects.
    private static ResiliencePipeline<HttpResponseMessage> Retries(TimeProvider clock) =>
        new ResiliencePipelineBuilder<HttpResponseMessage> { TimeProvider = clock }
            .AddRetry(new RetryStrategyOptions<HttpResponseMessage>
            {
                MaxRetryAttempts = 2,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Delay = TimeSpan.FromMilliseconds(200),
                ShouldHandle = new PredicateBuilder<HttpResponseMessage>()
                    .Handle<HttpRequestException>(static failed => failed.StatusCode is null)
                    .HandleResult(static response => (int)response.StatusCode is 502 or 503 or 504),
                OnRetry = static retry =>
                {
                    retry.Outcome.Result?.Dispose();
                    return default;
                },
            })
            .Build();
}

/// <param name="Count">Null when the server did not say.</param>
/// <param name="Lasting">Whether it will say the same the next time: it knows no such request, or speaks otherwise.</param>
internal readonly record struct TokenReply(int? Count, bool Lasting);

/// <param name="Name">As its server says it.</param>
/// <param name="ContextTokens">Where the server says so.</param>
internal sealed record ServedModel(string Name, int? ContextTokens);

/// <summary>An answer that has begun; gives its place back when disposed.</summary>
internal sealed class ModelAnswer : IDisposable
{
    private readonly TimeSpan _silence;
    private readonly CancellationTokenSource _timeout;
    private readonly CancellationTokenSource _either;
    private readonly Action _leave;
    private bool _disposed;

    /// <param name="silence">How long the model may say nothing.</param>
    /// <param name="clock">Measures it.</param>
    /// <param name="leave">Called once at the end.</param>
    /// <param name="cancellationToken">Of the client.</param>
    public ModelAnswer(TimeSpan silence, TimeProvider clock, Action leave, CancellationToken cancellationToken)
    {
        (_silence, _leave) = (silence, leave);
        _timeout = new(silence, clock);
        _either = CancellationTokenSource.CreateLinkedTokenSource(_timeout.Token, cancellationToken);
    }

    public CancellationToken Token => _either.Token;

    public HttpResponseMessage? Response { get; set; }

    /// <summary>The whole answer.</summary>
    /// <exception cref="RagException">The model fell silent or its server went away.</exception>
    public async Task<byte[]> ReadAsync()
    {
        try
        {
            return await Response!.Content.ReadAsByteArrayAsync(Token);
        }
        catch (OperationCanceledException) when (_timeout.IsCancellationRequested)
        {
            throw TimedOut();
        }
        catch (Exception failed) when (failed is HttpRequestException or IOException)
        {
            throw new RagException(
                StatusCodes.Status500InternalServerError, $"Error during POST request: {failed.Message}", failed);
        }
    }

    /// <summary>The answer in the pieces in which it arrives.</summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> StreamAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var body = await Response!.Content.ReadAsStreamAsync(cancellationToken);
        var buffer = new byte[16 << 10];
        while (await body.ReadAsync(buffer, Token) is > 0 and var read)
        {
            _timeout.CancelAfter(_silence);
            yield return buffer.AsMemory(0, read);
        }
    }

    public RagException TimedOut() => new(
        StatusCodes.Status504GatewayTimeout, $"The model said nothing for {_silence.TotalSeconds:0} seconds.");

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            Response?.Dispose();
            _either.Dispose();
            _timeout.Dispose();
            _leave();
        }
    }
}
