using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;

namespace Kaito.InferenceHost.Http;

/// <summary>
/// Asks for one of the configured keys, where there are any: for everything under /v1 and for every POST. What platforms
/// ask of the process stays open.
/// </summary>
internal sealed class ApiKeys(RequestDelegate next, InferenceHostOptions options)
{
    private const string Scheme = "Bearer ";

    // Hashes are of one length, so comparing them tells nothing of a key, not even its length.
    private readonly ImmutableArray<byte[]> _hashes = [.. options.ApiKeys.Select(Hash)];

    public Task InvokeAsync(HttpContext http)
    {
        if (_hashes.IsEmpty || !IsGuarded(http.Request) || IsKnown(http.Request))
        {
            return next(http);
        }

        http.Response.StatusCode = StatusCodes.Status401Unauthorized;
        http.Response.Headers.WWWAuthenticate = "Bearer";
        return http.Response.WriteAsJsonAsync(
            new("Unauthorized"), UnauthorizedJson.Default.UnauthorizedBody, cancellationToken: http.RequestAborted);
    }

    private static bool IsGuarded(HttpRequest request) => !HttpMethods.IsOptions(request.Method)
        && !request.Path.StartsWithSegments("/ping", StringComparison.Ordinal)
        && (HttpMethods.IsPost(request.Method)
            || request.Path.StartsWithSegments("/v1", StringComparison.OrdinalIgnoreCase));

    private bool IsKnown(HttpRequest request)
    {
        var given = request.Headers.Authorization.ToString();
        if (!given.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        var hash = Hash(given[Scheme.Length..].Trim());
        var known = false;
        foreach (var key in _hashes)
        {
            known |= CryptographicOperations.FixedTimeEquals(hash, key);
        }

        return known;
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}

internal sealed record UnauthorizedBody(string Error);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(UnauthorizedBody))]
internal sealed partial class UnauthorizedJson : JsonSerializerContext;
