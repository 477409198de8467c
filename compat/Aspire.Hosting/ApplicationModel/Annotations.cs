using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>An endpoint of a resource.</summary>
public sealed class EndpointAnnotation : IResourceAnnotation
{
    /// <param name="protocol">TCP or UDP.</param>
    /// <param name="uriScheme">Scheme of the URL; <c>tcp</c> when not given.</param>
    /// <param name="transport">Transport of the manifest; follows the scheme when not given.</param>
    /// <param name="name">Name; the scheme when not given.</param>
    /// <param name="port">Public port; a free one when not given.</param>
    /// <param name="targetPort">Port the process listens on; the public one when not given.</param>
    /// <param name="isExternal">Reachable from outside the deployment.</param>
    /// <param name="isProxied">Kept for source compatibility of the model: there is no proxy here.</param>
    public EndpointAnnotation(
        ProtocolType protocol, string? uriScheme = null, string? transport = null, string? name = null,
        int? port = null, int? targetPort = null, bool? isExternal = null, bool? isProxied = null)
    {
        Protocol = protocol;
        UriScheme = uriScheme ?? "tcp";
        Transport = transport ?? (UriScheme is "http" or "https" ? "http" : "tcp");
        Name = name ?? UriScheme;
        (Port, TargetPort, IsExternal, IsProxied) = (port, targetPort, isExternal ?? false, isProxied ?? true);
    }

    /// <summary>Name, unique within the resource.</summary>
    public string Name { get; set; }

    /// <summary>Scheme of the URL.</summary>
    public string UriScheme { get; set; }

    /// <summary>Transport of the manifest: http, http2 or tcp.</summary>
    public string Transport { get; set; }

    /// <summary>TCP or UDP.</summary>
    public ProtocolType Protocol { get; set; }

    /// <summary>Address the process listens on.</summary>
    public string TargetHost { get; set; } = "localhost";

    /// <summary>Public port.</summary>
    public int? Port { get; set; }

    /// <summary>Port the process listens on.</summary>
    public int? TargetPort { get; set; }

    /// <summary>Reachable from outside the deployment.</summary>
    public bool IsExternal { get; set; }

    /// <summary>As given to the constructor.</summary>
    public bool IsProxied { get; set; }

    /// <summary>Where the endpoint really is, once the resource is about to start.</summary>
    public AllocatedEndpoint? AllocatedEndpoint { get; set; }
}

/// <summary>Where an endpoint really is.</summary>
/// <param name="endpoint">The endpoint.</param>
/// <param name="address">Host name or address.</param>
/// <param name="port">Port.</param>
public class AllocatedEndpoint(EndpointAnnotation endpoint, string address, int port)
{
    /// <summary>Host name or address.</summary>
    public string Address { get; } = address;

    /// <summary>Port.</summary>
    public int Port { get; } = port;

    /// <summary>Scheme of the URL.</summary>
    public string UriScheme => endpoint.UriScheme;

    /// <summary>The URL.</summary>
    public string UriString => $"{UriScheme}://{Address}:{Port}";
}

/// <summary>Computes environment variables when the resource starts or is published.</summary>
/// <param name="callback">Fills the variables in.</param>
public class EnvironmentCallbackAnnotation(Func<EnvironmentCallbackContext, Task> callback) : IResourceAnnotation
{
    /// <summary>Fills the variables in.</summary>
    public Func<EnvironmentCallbackContext, Task> Callback { get; } = callback;
}

/// <summary>What an environment callback may read and fill in.</summary>
/// <param name="executionContext">Run or publish.</param>
/// <param name="environmentVariables">Values: text, or anything with a value or a manifest expression.</param>
/// <param name="cancellationToken">Ends the start.</param>
public class EnvironmentCallbackContext(
    DistributedApplicationExecutionContext executionContext,
    Dictionary<string, object>? environmentVariables = null,
    CancellationToken cancellationToken = default)
{
    /// <summary>The variables so far.</summary>
    public Dictionary<string, object> EnvironmentVariables { get; } = environmentVariables ?? [];

    /// <summary>Run or publish.</summary>
    public DistributedApplicationExecutionContext ExecutionContext { get; } = executionContext;

    /// <summary>Ends the start.</summary>
    public CancellationToken CancellationToken { get; } = cancellationToken;

    /// <summary>Log of the resource.</summary>
    public ILogger Logger { get; set; } = NullLogger.Instance;
}

/// <summary>Computes arguments when the resource starts or is published.</summary>
/// <param name="callback">Appends the arguments.</param>
public class CommandLineArgsCallbackAnnotation(Func<CommandLineArgsCallbackContext, Task> callback) : IResourceAnnotation
{
    /// <summary>Appends the arguments.</summary>
    public Func<CommandLineArgsCallbackContext, Task> Callback { get; } = callback;
}

/// <summary>What an argument callback may read and append to.</summary>
/// <param name="args">The arguments so far.</param>
/// <param name="cancellationToken">Ends the start.</param>
public sealed class CommandLineArgsCallbackContext(IList<object> args, CancellationToken cancellationToken = default)
{
    /// <summary>The arguments so far: text, or anything with a value or a manifest expression.</summary>
    public IList<object> Args { get; } = args;

    /// <summary>Ends the start.</summary>
    public CancellationToken CancellationToken { get; } = cancellationToken;

    /// <summary>Run or publish.</summary>
    public required DistributedApplicationExecutionContext ExecutionContext { get; init; }
}

/// <summary>What is waited for.</summary>
public enum WaitType
{
    /// <summary>Running and healthy.</summary>
    WaitUntilHealthy = 0,

    /// <summary>Ended, with the right exit code.</summary>
    WaitForCompletion = 1,

    /// <summary>Running.</summary>
    WaitUntilStarted = 2,
}

/// <summary>One resource waits for another.</summary>
/// <param name="resource">The one waited for.</param>
/// <param name="waitType">What is waited for.</param>
/// <param name="exitCode">The right exit code.</param>
public sealed class WaitAnnotation(IResource resource, WaitType waitType, int exitCode = 0) : IResourceAnnotation
{
    /// <summary>The one waited for.</summary>
    public IResource Resource { get; } = resource;

    /// <summary>What is waited for.</summary>
    public WaitType WaitType { get; } = waitType;

    /// <summary>The right exit code.</summary>
    public int ExitCode { get; } = exitCode;
}

/// <summary>The resource is left out of the manifest.</summary>
internal sealed class ManifestExclusion : IResourceAnnotation;

/// <summary>GET on an endpoint decides about health.</summary>
internal sealed record HttpHealthCheck(string? EndpointName, string Path, int StatusCode) : IResourceAnnotation;
