namespace Qdrant.Client;

/// <summary>How a channel shows who it is, and whom it trusts.</summary>
public class ClientConfiguration
{
    /// <summary>Sent as <c>api-key</c> with every call; <see langword="null"/> to send none.</summary>
    public string? ApiKey { get; set; }

    /// <summary>
    /// SHA-256 of a certificate in the server's chain, as hexadecimal digits; trust then follows from it alone.
    /// <see langword="null"/> to trust whom the machine trusts.
    /// </summary>
    public string? CertificateThumbprint { get; set; }
}
