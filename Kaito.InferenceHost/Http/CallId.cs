using System.Security.Cryptography;

namespace Kaito.InferenceHost.Http;

/// <summary>Ids of answers: the client's own <c>X-Request-Id</c> when it sent a sane one, else random.</summary>
internal static class CallId
{
    private const int Longest = 128;

    public static string Create(string prefix, HttpContext http)
    {
        var sent = http.Request.Headers["X-Request-Id"].ToString();
        var usable = sent.Length is > 0 and <= Longest
            && sent.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
        return prefix + (usable ? sent : RandomNumberGenerator.GetHexString(32, lowercase: true));
    }
}
