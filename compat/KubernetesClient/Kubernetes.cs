using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using k8s.Autorest;
using k8s.Exceptions;

namespace k8s;

/// <summary>A connection to an API server.</summary>
public class Kubernetes : IDisposable
{
    private readonly SocketsHttpHandler _handler;

    /// <summary>Prepares a connection; nothing is sent yet.</summary>
    /// <param name="config">Where and as whom.</param>
    /// <param name="handlers">Wrapped around the transport, first one outermost.</param>
    /// <exception cref="KubeConfigException">A client certificate cannot be read.</exception>
    public Kubernetes(KubernetesClientConfiguration config, params DelegatingHandler[] handlers)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(handlers);
        BaseUri = new Uri(config.Host.TrimEnd('/') + "/");
        Credentials = CredentialsOf(config);
        _handler = Transport(config);
        HttpMessageHandler outer = _handler;
        for (var i = handlers.Length - 1; i >= 0; i--)
        {
            handlers[i].InnerHandler = outer;
            outer = handlers[i];
        }

        // Watches have no end; each request brings its own limit.
        HttpClient = new HttpClient(outer) { Timeout = Timeout.InfiniteTimeSpan };
        if (config.UserAgent is { } agent)
        {
            HttpClient.DefaultRequestHeaders.UserAgent.ParseAdd(agent);
        }
    }

    /// <summary>The API server, with a slash at the end.</summary>
    public Uri BaseUri { get; set; }

    /// <summary>The transport. It does not authenticate: see <see cref="Credentials"/>.</summary>
    public HttpClient HttpClient { get; protected set; }

    /// <summary>
    /// To be applied to every request before it is sent; <see langword="null"/> when there is nothing to add.
    /// </summary>
    public ServiceClientCredentials? Credentials { get; private set; }

    /// <inheritdoc />
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the connections.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            HttpClient.Dispose();
            _handler.Dispose();
        }
    }

    private static ServiceClientCredentials? CredentialsOf(KubernetesClientConfiguration config)
    {
        if (config.TokenProvider is { } provider)
        {
            return new TokenCredentials(provider);
        }

        if (!string.IsNullOrEmpty(config.AccessToken))
        {
            return new TokenCredentials(config.AccessToken);
        }

        return string.IsNullOrEmpty(config.Username)
            ? null
            : new BasicAuthenticationCredentials { UserName = config.Username, Password = config.Password ?? "" };
    }

    private static SocketsHttpHandler Transport(KubernetesClientConfiguration config)
    {
        var tls = new SslClientAuthenticationOptions { TargetHost = config.TlsServerName };
        if (config.SkipTlsVerify)
        {
#pragma warning disable CA5359 // The user asked for it: insecure-skip-tls-verify in the kubeconfig.
            tls.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        }
        else if (config.SslCaCerts is { } authorities)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            tls.CertificateChainPolicy.CustomTrustStore.AddRange(authorities);
        }

        if (ClientCertificate(config) is { } certificate)
        {
            tls.ClientCertificates = [certificate];
        }

        return new SocketsHttpHandler
        {
            SslOptions = tls,
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            ConnectTimeout = TimeSpan.FromSeconds(10),
            UseCookies = false,
        };
    }

    private static X509Certificate2? ClientCertificate(KubernetesClientConfiguration config)
    {
        try
        {
            if (config is
                { ClientCertificateData: { Length: > 0 } data, ClientCertificateKeyData: { Length: > 0 } key })
            {
                return Reusable(X509Certificate2.CreateFromPem(Decode(data), Decode(key)));
            }

            return config is { ClientCertificateFilePath: { } certificateFile, ClientKeyFilePath: { } keyFile }
                ? Reusable(X509Certificate2.CreateFromPemFile(certificateFile, keyFile))
                : null;
        }
        catch (Exception wrong) when (wrong is CryptographicException or FormatException)
        {
            throw new KubeConfigException(
                $"The client certificate of context '{config.CurrentContext}' cannot be read: {wrong.Message}", wrong);
        }
    }

    // SslStream on Windows refuses keys that live only in memory.
    private static X509Certificate2 Reusable(X509Certificate2 certificate)
    {
        using (certificate)
        {
            return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
        }
    }

    private static string Decode(string base64) => Encoding.UTF8.GetString(Convert.FromBase64String(base64));
}
