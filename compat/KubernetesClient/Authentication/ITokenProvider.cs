using System.Net.Http.Headers;

namespace k8s.Authentication;

/// <summary>Where a bearer token comes from.</summary>
public interface ITokenProvider
{
    /// <summary>The header to send now; renewed by the provider when it has run out.</summary>
    Task<AuthenticationHeaderValue> GetAuthenticationHeaderAsync(CancellationToken cancellationToken);
}
