using System.Text;
using k8s.Authentication;
using k8s.Exceptions;
using k8s.KubeConfigModels;

namespace k8s;

public partial class KubernetesClientConfiguration
{
    /// <summary>Reads a kubeconfig file.</summary>
    /// <param name="kubeconfigPath">
    /// The file; <see langword="null"/> for <see cref="KubeConfigDefaultLocation"/>.
    /// </param>
    /// <param name="currentContext">The context to use; <see langword="null"/> for the file's own.</param>
    /// <param name="masterUrl">Replaces the cluster's server address.</param>
    /// <param name="useRelativePaths">Whether paths in the file are relative to the file's folder.</param>
    /// <exception cref="KubeConfigException">
    /// The file is missing, malformed or names something that is not in it.
    /// </exception>
    public static KubernetesClientConfiguration BuildConfigFromConfigFile(
        string? kubeconfigPath = null, string? currentContext = null, string? masterUrl = null,
        bool useRelativePaths = true) =>
        FromFiles([kubeconfigPath ?? KubeConfigDefaultLocation], currentContext, masterUrl, useRelativePaths);

    private static KubernetesClientConfiguration FromFiles(
        string[] paths, string? context, string? masterUrl, bool useRelativePaths)
    {
        var present = paths.Where(File.Exists).ToArray();
        if (present.Length == 0)
        {
            throw new KubeConfigException(
                $"The kubeconfig '{string.Join(Path.PathSeparator, paths)}' does not exist; name an existing file with "
                + "--kubeconfig or the environment variable KUBECONFIG.");
        }

        var files = present.Select(path => KubeConfigFile.Load(path, useRelativePaths)).ToArray();
        var source = string.Join(Path.PathSeparator, present);
        context ??= files.Select(f => f.CurrentContext).FirstOrDefault(c => !string.IsNullOrEmpty(c))
            ?? throw new KubeConfigException(
                $"The kubeconfig '{source}' has no current-context; set one with 'kubectl config use-context NAME'.");
        var chosen = Find(files, "contexts", "context", context, source);
        var configuration = new KubernetesClientConfiguration
        {
            CurrentContext = context,
            Namespace = chosen.Text("namespace"),
        };
        var cluster = chosen.Text("cluster") ?? throw new KubeConfigException(
            $"Context '{context}' of the kubeconfig '{source}' names no cluster.");
        configuration.SetCluster(Find(files, "clusters", "cluster", cluster, source), masterUrl);
        if (chosen.Text("user") is { Length: > 0 } user)
        {
            configuration.SetUser(Find(files, "users", "user", user, source));
        }

        return configuration;
    }

    private static KubeConfigEntry Find(
        KubeConfigFile[] files, string list, string member, string name, string source)
    {
        foreach (var file in files)
        {
            if (file.Find(list, member, name) is { } entry)
            {
                return entry;
            }
        }

        var known = string.Join(", ", files.SelectMany(f => f.Names(list)));
        throw new KubeConfigException(
            $"The kubeconfig '{source}' has no {member} named '{name}'; it has: "
            + $"{(known.Length == 0 ? "none" : known)}.");
    }

    private void SetCluster(KubeConfigEntry cluster, string? masterUrl)
    {
        Host = masterUrl ?? cluster.Text("server") ?? throw new KubeConfigException($"{cluster} has no server.");
        if (!Uri.TryCreate(Host, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
        {
            throw new KubeConfigException($"{cluster} has the server '{Host}', which is not an http(s) address.");
        }

        SkipTlsVerify = string.Equals(
            cluster.Text("insecure-skip-tls-verify"), "true", StringComparison.OrdinalIgnoreCase);
        TlsServerName = cluster.Text("tls-server-name");
        if (cluster.Text("certificate-authority-data") is { Length: > 0 } inline)
        {
            SslCaCerts = LoadAuthorities(cluster.Decode("certificate-authority-data", inline), cluster.ToString());
        }
        else if (cluster.Existing("certificate-authority") is { } file)
        {
            SslCaCerts = LoadAuthorities(File.ReadAllText(file), file);
        }
    }

    private void SetUser(KubeConfigEntry user)
    {
        if (user.Has("auth-provider"))
        {
            throw new KubeConfigException($"{user} uses auth-provider, which Kubernetes removed; use an exec plug-in.");
        }

        (Username, Password, AccessToken) = (user.Text("username"), user.Text("password"), user.Text("token"));
        if (string.IsNullOrEmpty(AccessToken) && user.Existing("tokenFile") is { } tokenFile)
        {
            TokenProvider = new TokenFileAuth(tokenFile);
        }

        ClientCertificateData = user.Text("client-certificate-data");
        ClientCertificateKeyData = user.Text("client-key-data");
        ClientCertificateFilePath = user.Existing("client-certificate");
        ClientKeyFilePath = user.Existing("client-key");
        if (user.Execution() is { } exec)
        {
            SetExecution(exec);
        }
    }

    private void SetExecution(ExternalExecution exec)
    {
        var credential = ExecCredential.Obtain(exec);
        if (credential.ClientCertificateData is { } certificate && credential.ClientKeyData is { } key)
        {
            ClientCertificateData = Convert.ToBase64String(Encoding.UTF8.GetBytes(certificate));
            ClientCertificateKeyData = Convert.ToBase64String(Encoding.UTF8.GetBytes(key));
        }

        if (credential.Token is not null)
        {
            TokenProvider = new ExecTokenProvider(exec, credential);
        }
    }
}
