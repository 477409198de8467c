using System.Net;
using System.Net.Http.Headers;

namespace Kaito.InferenceHost.Downloads;

/// <summary>GET with redirects that are followed here: what a server is told about us goes to no other one.</summary>
internal sealed class WebGet(HttpClient http)
{
    private const int MostRedirects = 8;

    /// <summary>A client that follows nothing and keeps nothing.</summary>
    public static HttpClient Client() => new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(15),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
    })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    /// <summary>Shown to the server that <see cref="TrustedAuthority"/> names, and to no other.</summary>
    public AuthenticationHeaderValue? Credentials { get; set; }

    /// <summary>Host and port.</summary>
    public string? TrustedAuthority { get; init; }

    /// <summary>Longest wait for the beginning of an answer.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <param name="address">Absolute.</param>
    /// <param name="adjust">Adds to each request on the way.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>A successful answer, whose body has not been read.</returns>
    /// <exception cref="HttpRequestException">No success, or no answer.</exception>
    public async Task<HttpResponseMessage> GetAsync(
        Uri address, Action<HttpRequestMessage>? adjust, CancellationToken cancellationToken)
    {
        var answer = await TryGetAsync(address, adjust, cancellationToken);
        if (answer.IsSuccessStatusCode)
        {
            return answer;
        }

        using (answer)
        {
            throw new HttpRequestException(
                $"{address.Host} answered {(int)answer.StatusCode} for {address.AbsolutePath}", null, answer.StatusCode);
        }
    }

    /// <summary>The same, with whatever answer there is.</summary>
    public async Task<HttpResponseMessage> TryGetAsync(
        Uri address, Action<HttpRequestMessage>? adjust, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        var target = address;
        for (var hop = 0; hop <= MostRedirects; hop++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, target);
            request.Headers.UserAgent.ParseAdd("kaito-inference-host");
            adjust?.Invoke(request);
            if (target.Authority == TrustedAuthority && target.Scheme == address.Scheme)
            {
                request.Headers.Authorization ??= Credentials;
            }
            else
            {
                request.Headers.Authorization = null;
            }

            var answer = await SendAsync(request, limit.Token, cancellationToken);
            if ((int)answer.StatusCode is < 300 or >= 400 || answer.StatusCode == HttpStatusCode.NotModified
                || answer.Headers.Location is not { } location)
            {
                return answer;
            }

            answer.Dispose();
            target = Next(target, location);
        }

        throw new HttpRequestException(
            $"{address.Host} redirects more than {MostRedirects} times for {address.AbsolutePath}", null, HttpStatusCode.BadRequest);
    }

    private async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, CancellationToken limit, CancellationToken cancellationToken)
    {
        try
        {
            return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit);
        }
        catch (OperationCanceledException late) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"no answer from {request.RequestUri!.Host} in {Patience.TotalSeconds} s", late);
        }
    }

    private static Uri Next(Uri from, Uri location)
    {
        var next = new Uri(from, location);
        return next.Scheme == Uri.UriSchemeHttps || next.Scheme == from.Scheme
            ? next
            : throw new HttpRequestException(
                $"{from.Host} redirects to {next.Scheme}, which is not followed", null, HttpStatusCode.BadRequest);
    }
}
