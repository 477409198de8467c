using System.Net.Http.Headers;
using System.Text;
using k8s.Authentication;

namespace k8s.Autorest;

/// <summary>Adds what proves the caller's identity to one request.</summary>
public class ServiceClientCredentials
{
    /// <summary>Adds headers to <paramref name="request"/>; call it once per attempt, before sending.</summary>
    public virtual Task ProcessHttpRequestAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        Task.CompletedTask;
}

/// <summary>User name and password.</summary>
public class BasicAuthenticationCredentials : ServiceClientCredentials
{
    /// <summary>The user name.</summary>
    public string UserName { get; set; } = "";

    /// <summary>The password.</summary>
    public string Password { get; set; } = "";

    /// <inheritdoc />
    public override Task ProcessHttpRequestAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var pair = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{UserName}:{Password}"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", pair);
        return Task.CompletedTask;
    }
}

/// <summary>A token that is asked for before each request, so that it may change.</summary>
public class TokenCredentials : ServiceClientCredentials
{
    private readonly ITokenProvider _provider;

    /// <summary>A fixed bearer token.</summary>
    public TokenCredentials(string token)
        : this(new FixedToken(token))
    {
    }

    /// <summary>A token from a provider that refreshes it.</summary>
    public TokenCredentials(ITokenProvider tokenProvider) => _provider = tokenProvider;

    /// <inheritdoc />
    public override async Task ProcessHttpRequestAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.Headers.Authorization = await _provider.GetAuthenticationHeaderAsync(cancellationToken);
    }

    private sealed class FixedToken(string token) : ITokenProvider
    {
        public Task<AuthenticationHeaderValue> GetAuthenticationHeaderAsync(CancellationToken cancellationToken) =>
            Task.FromResult(new AuthenticationHeaderValue("Bearer", token));
    }
}
