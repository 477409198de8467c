using System.Security.Cryptography.X509Certificates;
using k8s.Authentication;

namespace k8s;

/// <summary>Where an API server is and how to prove who calls it.</summary>
public partial class KubernetesClientConfiguration
{
    /// <summary>The user's kubeconfig: <c>~/.kube/config</c>.</summary>
    public static readonly string KubeConfigDefaultLocation = Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".kube", "config");

    /// <summary>Address of the API server, e.g. <c>https://10.0.0.1:443</c>.</summary>
    public string Host { get; set; } = "http://localhost:8080";

    /// <summary>The context's namespace; <see langword="null"/> when it names none.</summary>
    public string? Namespace { get; set; }

    /// <summary>The context in use; <see langword="null"/> without a kubeconfig.</summary>
    public string? CurrentContext { get; internal set; }

    /// <summary>Authorities that may sign the server's certificate; <see langword="null"/> for the system's.</summary>
    public X509Certificate2Collection? SslCaCerts { get; set; }

    /// <summary>The client certificate, base64 of PEM.</summary>
    public string? ClientCertificateData { get; set; }

    /// <summary>The client key, base64 of PEM.</summary>
    public string? ClientCertificateKeyData { get; set; }

    /// <summary>The client certificate's PEM file.</summary>
    public string? ClientCertificateFilePath { get; set; }

    /// <summary>The client key's PEM file.</summary>
    public string? ClientKeyFilePath { get; set; }

    /// <summary>Name that the server's certificate must carry, when it is not the host's.</summary>
    public string? TlsServerName { get; set; }

    /// <summary>Accepts any server certificate.</summary>
    public bool SkipTlsVerify { get; set; }

    /// <summary>The <c>User-Agent</c> header; <see langword="null"/> for none.</summary>
    public string? UserAgent { get; set; }

    /// <summary>User name of basic credentials.</summary>
    public string? Username { get; set; }

    /// <summary>Password of basic credentials.</summary>
    public string? Password { get; set; }

    /// <summary>A fixed bearer token.</summary>
    public string? AccessToken { get; set; }

    /// <summary>A bearer token that may change; wins over <see cref="AccessToken"/>.</summary>
    public ITokenProvider? TokenProvider { get; set; }

    /// <summary>
    /// The configuration that kubectl would use here: <c>KUBECONFIG</c>, else <c>~/.kube/config</c>, else the pod's
    /// service account, else <c>http://localhost:8080</c>.
    /// </summary>
    /// <exception cref="Exceptions.KubeConfigException">A kubeconfig is named or present, but unusable.</exception>
    public static KubernetesClientConfiguration BuildDefaultConfig()
    {
        var named = Environment.GetEnvironmentVariable("KUBECONFIG");
        if (!string.IsNullOrWhiteSpace(named))
        {
            return FromFiles(named.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries), null, null, true);
        }

        if (File.Exists(KubeConfigDefaultLocation))
        {
            return BuildConfigFromConfigFile(KubeConfigDefaultLocation);
        }

        return IsInCluster() ? InClusterConfig() : new KubernetesClientConfiguration();
    }
}
