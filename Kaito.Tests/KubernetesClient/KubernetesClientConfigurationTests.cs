using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using k8s;
using k8s.Exceptions;

namespace Kaito.Tests.KubernetesClient;

public sealed class KubernetesClientConfigurationTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kaito-kubeconfig-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task BuildConfigFromConfigFile_Token_SendsItAsBearer()
    {
        var configuration = Build("    token: abc");
        using var client = new Kubernetes(configuration);
        using var request = new HttpRequestMessage(HttpMethod.Get, client.BaseUri);

        await client.Credentials!.ProcessHttpRequestAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal("Bearer abc", request.Headers.Authorization?.ToString());
        Assert.Equal("https://127.0.0.1:6443/", client.BaseUri.AbsoluteUri);
        Assert.Equal(("one", "team"), (configuration.CurrentContext, configuration.Namespace));
    }

    [Fact]
    public async Task BuildConfigFromConfigFile_TokenFileBesideIt_IsFound()
    {
        await File.WriteAllTextAsync(
            Path.Combine(_folder.FullName, "token"), "from-file\n", TestContext.Current.CancellationToken);
        using var client = new Kubernetes(Build("    tokenFile: token"));
        using var request = new HttpRequestMessage(HttpMethod.Get, client.BaseUri);

        await client.Credentials!.ProcessHttpRequestAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal("Bearer from-file", request.Headers.Authorization?.ToString());
    }

    [Fact]
    public async Task BuildConfigFromConfigFile_ExecProgram_ItsTokenIsSent()
    {
        using var client = new Kubernetes(Build("""
                exec:
                  apiVersion: client.authentication.k8s.io/v1
                  command: sh
                  args: ["-c", "printf '{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"%s\"}}' $WORD"]
                  env: [{ name: WORD, value: printed }]
            """));
        using var request = new HttpRequestMessage(HttpMethod.Get, client.BaseUri);

        await client.Credentials!.ProcessHttpRequestAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal("Bearer printed", request.Headers.Authorization?.ToString());
    }

    [Fact]
    public void BuildConfigFromConfigFile_ExecProgramFails_TheErrorNamesItAndWhatItSaid()
    {
        var error = Assert.Throws<KubeConfigException>(() =>
            Build("    exec: { command: sh, args: ['-c', 'echo no ticket >&2; exit 3'] }"));

        Assert.Equal("The exec program 'sh' ended with code 3: no ticket", error.Message);
    }

    [Fact]
    public void BuildConfigFromConfigFile_ClientCertificateAndAuthority_AreRead()
    {
        using var key = ECDsa.Create();
        using var certificate = new CertificateRequest("CN=me", key, HashAlgorithmName.SHA256).CreateSelfSigned(
            DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
        var pem = Base64(certificate.ExportCertificatePem());

        var configuration = Build(
            $"    client-certificate-data: {pem}\n    client-key-data: {Base64(key.ExportPkcs8PrivateKeyPem())}",
            $"certificate-authority-data: {pem}");
        using var client = new Kubernetes(configuration);

        Assert.Equal("CN=me", Assert.Single(configuration.SslCaCerts!).Subject);
        Assert.Null(client.Credentials);
    }

    [Theory]
    [InlineData("two", "has no context named 'two'; it has: one")]
    [InlineData("", "has no context named ''")]
    public void BuildConfigFromConfigFile_UnknownContext_NamesTheKnownOnes(string context, string expected)
    {
        var error = Assert.Throws<KubeConfigException>(() =>
            KubernetesClientConfiguration.BuildConfigFromConfigFile(Write("    token: a"), context));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void BuildConfigFromConfigFile_MissingFile_NamesPathAndRemedy()
    {
        var path = Path.Combine(_folder.FullName, "nowhere");

        var error = Assert.Throws<KubeConfigException>(() =>
            KubernetesClientConfiguration.BuildConfigFromConfigFile(path));

        Assert.Contains($"'{path}' does not exist", error.Message, StringComparison.Ordinal);
        Assert.Contains("--kubeconfig", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ not: [yaml", "is not valid YAML")]
    [InlineData("", "is empty or not a mapping")]
    [InlineData("kind: Config", "has no current-context")]
    public void BuildConfigFromConfigFile_MalformedFile_SaysSo(string text, string expected)
    {
        var path = Path.Combine(_folder.FullName, "config");
        File.WriteAllText(path, text);

        var error = Assert.Throws<KubeConfigException>(() =>
            KubernetesClientConfiguration.BuildConfigFromConfigFile(path));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private KubernetesClientConfiguration Build(string user, string cluster = "insecure-skip-tls-verify: true") =>
        KubernetesClientConfiguration.BuildConfigFromConfigFile(Write(user, cluster));

    private string Write(string user, string cluster = "insecure-skip-tls-verify: true")
    {
        var path = Path.Combine(_folder.FullName, "config");
        File.WriteAllText(path, $"""
            apiVersion: v1
            kind: Config
            current-context: one
            contexts:
            - name: one
              context: @ cluster: here, user: me, namespace: team #
            clusters:
            - name: here
              cluster:
                server: https://127.0.0.1:6443
                {cluster}
            users:
            - name: me
              user:
            {user}

            """.Replace('@', '{').Replace('#', '}'));
        return path;
    }
}
