using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Qdrant.Client;

/// <summary>Trust in servers whose certificates the machine does not know.</summary>
public static class CertificateValidation
{
    /// <summary>Trusts a server when some certificate of its chain has a thumbprint.</summary>
    /// <param name="thumbprint">SHA-256 in hexadecimal digits; colons and case do not matter.</param>
    /// <returns>A callback that takes request, certificate, chain and errors.</returns>
    public static Func<HttpRequestMessage, X509Certificate2?, X509Chain?, SslPolicyErrors, bool> Thumbprint(
        string thumbprint)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(thumbprint);
        return (_, certificate, chain, _) => Matches(thumbprint, certificate, chain);
    }

    internal static bool Matches(string thumbprint, X509Certificate2? certificate, X509Chain? chain)
    {
        var wanted = thumbprint.Replace(":", "", StringComparison.Ordinal);
        return (certificate is not null && Is(certificate, wanted))
            || (chain?.ChainElements.Any(element => Is(element.Certificate, wanted)) ?? false);
    }

    private static bool Is(X509Certificate2 certificate, string wanted) =>
        certificate.GetCertHashString(HashAlgorithmName.SHA256).Equals(wanted, StringComparison.OrdinalIgnoreCase);
}
