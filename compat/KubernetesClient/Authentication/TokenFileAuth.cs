using System.Net.Http.Headers;

namespace k8s.Authentication;

/// <summary>A bearer token in a file that somebody else rotates; read again after a minute.</summary>
public class TokenFileAuth : ITokenProvider
{
    private static readonly TimeSpan s_lifetime = TimeSpan.FromMinutes(1);
    private readonly string _tokenFile;
    private readonly Lock _gate = new();
    private string? _token;
    private long _readAt;

    /// <param name="tokenFile">Path of the file; white space around the token is ignored.</param>
    public TokenFileAuth(string tokenFile) => _tokenFile = tokenFile;

    /// <inheritdoc />
    public Task<AuthenticationHeaderValue> GetAuthenticationHeaderAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_token is null || TimeProvider.System.GetElapsedTime(_readAt) > s_lifetime)
            {
                _token = File.ReadAllText(_tokenFile).Trim();
                _readAt = TimeProvider.System.GetTimestamp();
            }

            return Task.FromResult(new AuthenticationHeaderValue("Bearer", _token));
        }
    }
}
