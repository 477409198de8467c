using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace Kaito.Benchmarks.Retrieval;

/// <param name="Method">HTTP method.</param>
/// <param name="Path">Route.</param>
/// <param name="Body">Serialized as JSON; null for none.</param>
/// <param name="After">Text by id when the request has been answered.</param>
internal sealed record IndexChange(
    string Method, string Path, object? Body, ImmutableSortedDictionary<string, string> After)
{
    public static string IdOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
