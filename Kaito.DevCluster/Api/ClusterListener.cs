using System.Net;

namespace Kaito.DevCluster.Api;

/// <summary>Options of the process. Section <c>DevCluster</c> is not used: the names are the command line's.</summary>
internal sealed class DevClusterOptions
{
    /// <summary>Where kubeconfig is written. Default <c>.kaito</c>. Option <c>--state-dir</c>.</summary>
    public string StateDirectory { get; init; } = ".kaito";

    /// <summary>
    /// Addresses, separated by ';'. Option <c>--listen</c>, else ASPNETCORE_URLS, else any free https port.
    /// </summary>
    public string Listen { get; init; } = "https://127.0.0.1:0";

    public static DevClusterOptions Read(IConfiguration configuration) => new()
    {
        StateDirectory = configuration["state-dir"] ?? ".kaito",
        Listen = configuration["listen"] ?? configuration["urls"] ?? "https://127.0.0.1:0",
    };
}

/// <summary>One address to listen on.</summary>
internal readonly record struct ListenAddress(bool Tls, int Port)
{
    /// <summary>Reads the addresses; adds a free https port when none is https, because kubectl needs one.</summary>
    public static IReadOnlyList<ListenAddress> Parse(string text)
    {
        var found = text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(static part => One(part)).ToList();
        if (!found.Any(static address => address.Tls))
        {
            found.Add(new(true, 0));
        }

        return found;
    }

    private static ListenAddress One(string part)
    {
        if (!Uri.TryCreate(part, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
        {
            throw new DevClusterStartException(
                $"--listen: \"{part}\" is not an address like https://127.0.0.1:6443 (port 0 takes a free one).");
        }

        var loopback = uri.Host == "localhost"
            || (IPAddress.TryParse(uri.Host, out var ip) && IPAddress.IsLoopback(ip));
        return loopback
            ? new(uri.Scheme == "https", uri.Port)
            : throw new DevClusterStartException(
                $"--listen: \"{part}\" is not a loopback address; the dev cluster runs commands, so it listens on "
                + "127.0.0.1 only.");
    }
}

/// <summary>The process cannot start; the message says why and what to do.</summary>
internal sealed class DevClusterStartException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Writes the kubeconfig once the port is known.</summary>
internal sealed partial class KubeconfigFile(
    DevClusterOptions options,
    ClusterAccess access,
    Microsoft.AspNetCore.Hosting.Server.IServer server,
    ILogger<KubeconfigFile> logger)
{
    public string Path { get; } =
        System.IO.Path.GetFullPath(System.IO.Path.Combine(options.StateDirectory, "kubeconfig"));

    /// <summary>Whether what lies at <see cref="Path"/> is of this process and not of an earlier one.</summary>
    public bool Written { get; private set; }

    public void Write()
    {
        var addresses = server.Features
            .Get<Microsoft.AspNetCore.Hosting.Server.Features.IServerAddressesFeature>()!.Addresses;
        var address = addresses.First(static address => address.StartsWith("https", StringComparison.Ordinal));
        try
        {
            access.WriteKubeconfig(Path, address);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw new DevClusterStartException(
                $"--state-dir: cannot write \"{Path}\": {failed.Message} Choose a directory that you can write.",
                failed);
        }

        Written = true;
        LogReady(address, Path);
    }

    [LoggerMessage(LogLevel.Information, "Kubernetes API at {Address}; use it with: kubectl --kubeconfig {Path}")]
    private partial void LogReady(string address, string path);
}
