using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Admission;

/// <summary>How long certificates live, and when the next one comes.</summary>
/// <param name="Lifetime">From one certificate's making to its end.</param>
/// <param name="RenewBefore">Time before its end at which the next one is made.</param>
/// <param name="Check">Between two looks at the Secret.</param>
/// <param name="Handover">From telling the API server of a new authority to showing a certificate of it.</param>
internal sealed record CertificateTimes(TimeSpan Lifetime, TimeSpan RenewBefore, TimeSpan Check, TimeSpan Handover)
{
    public static CertificateTimes Default { get; } = new(
        TimeSpan.FromDays(365), TimeSpan.FromDays(30), TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(30));
}

/// <summary>A server certificate with its key, and the authorities that clients shall trust.</summary>
/// <remarks>The authority's own key is thrown away: a new certificate comes with a new authority.</remarks>
internal sealed class ServingCertificate
{
    public const string KeyFile = "server-key.pem";
    public const string CertificateFile = "server-cert.pem";
    public const string AuthorityFile = "ca-cert.pem";

    // A clock that is behind ours takes the certificate too.
    private static readonly TimeSpan s_skew = TimeSpan.FromHours(1);

    private readonly string _key;
    private readonly string _certificate;

    private ServingCertificate(string key, string certificate, string authorities)
    {
        (_key, _certificate, Authorities) = (key, certificate, authorities);
        using var read = X509Certificate2.CreateFromPem(certificate, key);

        // Not every platform serves a key that was only read into memory.
        Certificate = X509CertificateLoader.LoadPkcs12(read.Export(X509ContentType.Pkcs12), null);
    }

    public X509Certificate2 Certificate { get; }

    /// <summary>PEM; the newest first, then the one before while it is valid.</summary>
    public string Authorities { get; }

    /// <summary>Makes a certificate, and an authority that signs it and nothing else.</summary>
    /// <param name="names">Host names and addresses; at least one.</param>
    /// <param name="now">The moment from which it counts.</param>
    /// <param name="lifetime">How long it counts.</param>
    /// <param name="before">The certificate that it replaces; its authority stays trusted for clients of others.</param>
    public static ServingCertificate Make(
        ImmutableArray<string> names, DateTimeOffset now, TimeSpan lifetime, ServingCertificate? before)
    {
        var (start, end) = (now - s_skew, now + lifetime);
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authorityRequest = new CertificateRequest("CN=kaito-webhook-ca", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        authorityRequest.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        authorityRequest.CertificateExtensions.Add(
            new X509SubjectKeyIdentifierExtension(authorityRequest.PublicKey, false));
        using var authority = authorityRequest.CreateSelfSigned(start, end);

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={names[0]}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        request.CertificateExtensions.Add(
            X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, true, false));
        request.CertificateExtensions.Add(AlternativeNames(names));
        using var made = request.Create(authority, start, end, RandomNumberGenerator.GetBytes(16));
        return new(
            key.ExportPkcs8PrivateKeyPem(), made.ExportCertificatePem(),
            authority.ExportCertificatePem() + "\n" + Remaining(before, now));
    }

    /// <summary>What a Secret holds; null when it holds no certificate with its key and authority.</summary>
    public static ServingCertificate? Read(Secret? secret)
    {
        try
        {
            return Text(secret, KeyFile) is { Length: > 0 } key
                && Text(secret, CertificateFile) is { Length: > 0 } certificate
                && Text(secret, AuthorityFile) is { Length: > 0 } authorities
                ? new(key, certificate, authorities)
                : null;
        }
        catch (Exception damaged) when (damaged is FormatException or CryptographicException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>The Secret's data.</summary>
    public ImmutableSortedDictionary<string, string> ToData() => ImmutableSortedDictionary<string, string>.Empty
        .Add(KeyFile, Base64(_key))
        .Add(CertificateFile, Base64(_certificate))
        .Add(AuthorityFile, Base64(Authorities));

    /// <summary>Whether it is the certificate of the first name and has more than some time left.</summary>
    public bool Serves(ImmutableArray<string> names, DateTimeOffset now, TimeSpan rest) =>
        Certificate.MatchesHostname(names[0]) && Certificate.NotAfter.ToUniversalTime() - now.UtcDateTime > rest;

    public bool Same(ServingCertificate? other) => other is not null && other._certificate == _certificate;

    private static string Remaining(ServingCertificate? before, DateTimeOffset now)
    {
        if (before is null)
        {
            return "";
        }

        var known = new X509Certificate2Collection();
        known.ImportFromPem(before.Authorities);
        return known is [var newest, ..] && newest.NotAfter.ToUniversalTime() > now.UtcDateTime
            ? newest.ExportCertificatePem() + "\n"
            : "";
    }

    private static X509Extension AlternativeNames(ImmutableArray<string> names)
    {
        var builder = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
        {
            if (IPAddress.TryParse(name, out var address))
            {
                builder.AddIpAddress(address);
            }
            else
            {
                builder.AddDnsName(name);
            }
        }

        return builder.Build();
    }

    private static string? Text(Secret? secret, string file) =>
        secret?.Data?.GetValueOrDefault(file) is { } value ? Encoding.UTF8.GetString(Convert.FromBase64String(value)) : null;

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
