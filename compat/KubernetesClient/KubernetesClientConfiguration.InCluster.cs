using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using k8s.Authentication;
using k8s.Exceptions;

namespace k8s;

public partial class KubernetesClientConfiguration
{
    private const string ServiceAccountPath = "/var/run/secrets/kubernetes.io/serviceaccount";

    /// <summary>Whether this process runs in a pod with a service account.</summary>
    public static bool IsInCluster() =>
        InClusterAddress() is not null && File.Exists(Path.Combine(ServiceAccountPath, "token"))
            && File.Exists(Path.Combine(ServiceAccountPath, "ca.crt"));

    /// <summary>The API server and service account of the pod that this process runs in.</summary>
    /// <exception cref="KubeConfigException">It does not run in a pod.</exception>
    public static KubernetesClientConfiguration InClusterConfig()
    {
        if (!IsInCluster())
        {
            throw new KubeConfigException(
                "This process does not run in a pod: KUBERNETES_SERVICE_HOST or the service account files under "
                + $"{ServiceAccountPath} are missing; pass a kubeconfig instead.");
        }

        var space = Path.Combine(ServiceAccountPath, "namespace");
        return new KubernetesClientConfiguration
        {
            Host = InClusterAddress()!,
            TokenProvider = new TokenFileAuth(Path.Combine(ServiceAccountPath, "token")),
            SslCaCerts = LoadAuthorities(File.ReadAllText(Path.Combine(ServiceAccountPath, "ca.crt")), "ca.crt"),
            Namespace = File.Exists(space) ? File.ReadAllText(space).Trim() : null,
        };
    }

    private static string? InClusterAddress()
    {
        var host = Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_HOST");
        var port = Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_PORT");
        return string.IsNullOrEmpty(host) || string.IsNullOrEmpty(port)
            ? null
            : new UriBuilder("https", host, int.Parse(port, System.Globalization.CultureInfo.InvariantCulture)).Uri
                .GetLeftPart(UriPartial.Authority);
    }

    private static X509Certificate2Collection LoadAuthorities(string pem, string source)
    {
        try
        {
            var authorities = new X509Certificate2Collection();
            authorities.ImportFromPem(pem);
            return authorities;
        }
        catch (CryptographicException wrong)
        {
            throw new KubeConfigException($"{source} does not hold PEM certificates: {wrong.Message}", wrong);
        }
    }
}
