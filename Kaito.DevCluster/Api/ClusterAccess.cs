using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Kaito.DevCluster.Api;

/// <summary>
/// The token and certificate of this run. kubectl drops a kubeconfig's token on plain http, hence the certificate.
/// </summary>
internal sealed class ClusterAccess : IDisposable
{
    private readonly byte[] _token = RandomNumberGenerator.GetBytes(32);

    public ClusterAccess(TimeProvider clock)
    {
        Token = Convert.ToHexStringLower(_token);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=kaito-devcluster", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = clock.GetUtcNow();
        Certificate = request.CreateSelfSigned(now.AddHours(-1), now.AddYears(1));
    }

    public string Token { get; }

    public X509Certificate2 Certificate { get; }

    /// <summary>Constant time in the token's content.</summary>
    public bool Allows(string? authorization)
    {
        const string Scheme = "Bearer ";
        return authorization?.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) == true
            && CryptographicOperations.FixedTimeEquals(
                Encoding.UTF8.GetBytes(authorization[Scheme.Length..].Trim()), Encoding.UTF8.GetBytes(Token));
    }

    /// <summary>Writes a kubeconfig that only its owner can read; readers see the old file or the new one.</summary>
    public void WriteKubeconfig(string path, string server)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var writer = new StreamWriter(temporary, new UTF8Encoding(false), options))
        {
            writer.Write(Kubeconfig(server));
        }

        File.Move(temporary, path, overwrite: true);
    }

    public void Dispose() => Certificate.Dispose();

    private string Kubeconfig(string server) =>
        $"""
        apiVersion: v1
        kind: Config
        current-context: kaito
        clusters:
        - name: kaito
          cluster:
            server: {server}
            certificate-authority-data: {Convert.ToBase64String(Encoding.ASCII.GetBytes(Certificate.ExportCertificatePem()))}
        contexts:
        - name: kaito
          context:
            cluster: kaito
            user: kaito
            namespace: default
        users:
        - name: kaito
          user:
            token: {Token}

        """;
}
