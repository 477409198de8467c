using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace Kaito.RagEngine.Http;

/// <summary>
/// Asks for one of the configured keys, where there are any: for every route but what platforms ask of the process.
/// </summary>
internal sealed class ApiKeys(RequestDelegate next, RagEngineOptions options)
{
    private const string Scheme = "Bearer ";

    private static readonly string[] s_open = ["/health", "/metrics", "/alive"];

    // Hashes are of one length, so comparing them tells nothing of a key, not even its length.
    private readonly ImmutableArray<byte[]> _hashes = [.. options.ApiKeys.Select(Hash)];

    public Task InvokeAsync(HttpContext http)
    {
        if (_hashes.IsEmpty || s_open.Contains(http.Request.Path.Value) || IsKnown(http.Request))
        {
            return next(http);
        }

        http.Response.Headers.WWWAuthenticate = "Bearer";
        return RagExceptionHandler.Detail(StatusCodes.Status401Unauthorized, "Not authenticated").ExecuteAsync(http);
    }

    private bool IsKnown(HttpRequest request)
    {
        var given = request.Headers.Authorization.ToString();
        if (!given.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        var hash = Hash(given[Scheme.Length..].Trim());
        return _hashes.Aggregate(false, (known, key) => known | CryptographicOperations.FixedTimeEquals(hash, key));
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
