namespace Kaito.DevCluster.Api;

/// <summary>Finds the loopback address that answers for a Service or a pod; the process runner implements it.</summary>
internal interface IServiceEndpoints
{
    /// <summary>The address of a ready endpoint, or null when there is none now.</summary>
    /// <param name="ns">Namespace.</param>
    /// <param name="service">Service name.</param>
    /// <param name="port">Port name or number; null is the only port.</param>
    Uri? FindService(string ns, string service, string? port);

    /// <summary>The address that a container port of a running pod listens on, or null.</summary>
    /// <param name="ns">Namespace.</param>
    /// <param name="pod">Pod name.</param>
    /// <param name="port">Port name or number; null is the first port.</param>
    Uri? FindPod(string ns, string pod, string? port);
}
