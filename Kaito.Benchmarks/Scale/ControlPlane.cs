using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Kaito.Operator.Install;

namespace Kaito.Benchmarks.Scale;

/// <summary>
/// A real control plane without nodes: etcd, kube-apiserver, kube-controller-manager and kube-scheduler from the folder
/// that <c>KUBEBUILDER_ASSETS</c> names, on free loopback ports, gone when it is disposed of.
/// </summary>
internal sealed class ControlPlane : IAsyncDisposable
{
    private const string OperatorUser =
        $"system:serviceaccount:{InstallManifests.Namespace}:{InstallManifests.Name}";

    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(90);

    private readonly string _folder = Directory.CreateTempSubdirectory("kaito-control-plane-").FullName;
    private readonly string _token = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
    private readonly string _operatorToken = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
    private readonly List<Process> _processes = [];

    private ControlPlane()
    {
    }

    /// <summary>The folder with the programs, or <see langword="null"/> when there is none.</summary>
    public static string? Assets { get; } =
        Environment.GetEnvironmentVariable("KUBEBUILDER_ASSETS") is { Length: > 0 } folder
        && File.Exists(Path.Combine(folder, "kube-apiserver")) ? folder : null;

    /// <summary>Kubeconfig of a cluster administrator.</summary>
    public string Kubeconfig => Path.Combine(_folder, "kubeconfig");

    /// <summary>Kubeconfig of the operator's ServiceAccount, which may do what RBAC grants it and nothing else.</summary>
    public string OperatorKubeconfig => Path.Combine(_folder, "operator.kubeconfig");

    /// <summary>Why there is none, and how there can be one.</summary>
    public const string Missing =
        "KUBEBUILDER_ASSETS names no control plane; eng/kube-test-binaries.sh DIR builds one.";

    /// <param name="controllers">Whether anything but the API server runs.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    public static async Task<ControlPlane> StartAsync(bool controllers, CancellationToken cancellationToken)
    {
        var plane = Assets is null ? throw new InvalidOperationException(Missing) : new ControlPlane();
        try
        {
            await plane.StartServerAsync(cancellationToken);
            if (controllers)
            {
                plane.StartControllers();
            }

            return plane;
        }
        catch
        {
            await plane.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _processes.Reverse();
        foreach (var process in _processes)
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync(CancellationToken.None);
            }

            process.Dispose();
        }

        Directory.Delete(_folder, recursive: true);
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private string SigningKey => Path.Combine(_folder, "sa.key");

    private async Task StartServerAsync(CancellationToken cancellationToken)
    {
        var (etcd, peer, api) = ($"http://127.0.0.1:{FreePort()}", $"http://127.0.0.1:{FreePort()}", FreePort());
        WriteSigningKey();
        var tokens = Path.Combine(_folder, "tokens.csv");
        await File.WriteAllTextAsync(
            tokens,
            $"""
            {_token},admin,1,system:masters
            {_operatorToken},{OperatorUser},2,"system:serviceaccounts,system:authenticated"

            """,
            cancellationToken);
        Start(
            "etcd", "--data-dir", Path.Combine(_folder, "etcd"), "--listen-client-urls", etcd,
            "--advertise-client-urls", etcd, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", $"default={peer}", "--unsafe-no-fsync");
        Start(
            "kube-apiserver", "--etcd-servers", etcd, "--bind-address", "127.0.0.1", "--secure-port", $"{api}",
            "--insecure-port", "0", "--cert-dir", Path.Combine(_folder, "certs"), "--token-auth-file", tokens,
            "--service-cluster-ip-range", "10.0.0.0/16", "--authorization-mode", "RBAC",
            "--service-account-issuer", "https://kaito.test", "--service-account-key-file", SigningKey,
            "--service-account-signing-key-file", SigningKey, "--disable-admission-plugins",
            // A new node would be tainted until node-lifecycle, which does not run here, has seen it.
            "ServiceAccount,TaintNodesByCondition");
        await WriteKubeconfigAsync(Kubeconfig, api, _token, cancellationToken);
        await WriteKubeconfigAsync(OperatorKubeconfig, api, _operatorToken, cancellationToken);
        await WaitUntilReadyAsync(api, cancellationToken);
    }

    private void StartControllers()
    {
        Start(
            "kube-controller-manager", "--kubeconfig", Kubeconfig, "--leader-elect=false", "--port", "0",
            "--secure-port", "0", "--service-account-private-key-file", SigningKey, "--concurrent-gc-syncs", "4",
            // Nodes that nobody's kubelet renews would count as lost.
            "--controllers", "*,-nodelifecycle");
        Start("kube-scheduler", "--kubeconfig", Kubeconfig, "--leader-elect=false", "--port", "0", "--secure-port", "0");
    }

    private void WriteSigningKey()
    {
        using var rsa = RSA.Create(2048);
        File.WriteAllText(SigningKey, rsa.ExportRSAPrivateKeyPem());
    }

    private static Task WriteKubeconfigAsync(
        string path, int port, string token, CancellationToken cancellationToken) => File.WriteAllTextAsync(
        path,
        $"""
        apiVersion: v1
        kind: Config
        clusters:
        - name: test
          cluster:
            server: https://127.0.0.1:{port}
            insecure-skip-tls-verify: true
        users:
        - name: admin
          user:
            token: {token}
        contexts:
        - name: test
          context:
            cluster: test
            user: admin
        current-context: test

        """,
        cancellationToken);

    private async Task WaitUntilReadyAsync(int port, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(s_startLimit);
        using var handler = new HttpClientHandler
        {
            ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator,
        };
        using var client = new HttpClient(handler);
        client.DefaultRequestHeaders.Authorization = new("Bearer", _token);
        while (true)
        {
            var dead = _processes.FirstOrDefault(static process => process.HasExited);
            if (dead is not null)
            {
                throw new InvalidOperationException($"A program of the control plane ended.\n{Logs()}");
            }

            try
            {
                using var ready = await client.GetAsync(new Uri($"https://127.0.0.1:{port}/readyz"), limit.Token);
                if (ready.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, limit.Token);
        }
    }

    // The ends of the logs; the folder goes with the test.
    private string Logs() => string.Join('\n', Directory.EnumerateFiles(_folder, "*.log").Select(static log =>
        $"{Path.GetFileName(log)}:\n{string.Join('\n', File.ReadLines(log).TakeLast(5))}"));

    private void Start(string program, params ReadOnlySpan<string> args)
    {
        var start = new ProcessStartInfo("/bin/sh") { WorkingDirectory = _folder };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("log=$1; shift; exec \"$@\" >\"$log\" 2>&1");
        start.ArgumentList.Add("sh");
        start.ArgumentList.Add(Path.Combine(_folder, $"{program}.log"));
        start.ArgumentList.Add(Path.Combine(Assets!, program));
        foreach (var arg in args)
        {
            start.ArgumentList.Add(arg);
        }

        _processes.Add(Process.Start(start)!);
    }
}
