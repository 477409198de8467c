namespace Aspire.Hosting.ApplicationModel;

/// <summary>Has a value while running.</summary>
public interface IValueProvider
{
    /// <summary>The value; waits until it is known.</summary>
    ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default);
}

/// <summary>Has an expression in a manifest.</summary>
public interface IManifestExpressionProvider
{
    /// <summary>For example <c>{api.bindings.http.url}</c>.</summary>
    string ValueExpression { get; }
}

/// <summary>Both.</summary>
public interface IExpressionValue : IValueProvider, IManifestExpressionProvider;

/// <summary>A part of an endpoint.</summary>
public enum EndpointProperty
{
    /// <summary>The whole URL.</summary>
    Url = 0,

    /// <summary>Host name.</summary>
    Host = 1,

    /// <summary>Public port.</summary>
    Port = 3,

    /// <summary>Scheme.</summary>
    Scheme = 4,

    /// <summary>Port the process listens on.</summary>
    TargetPort = 5,
}

/// <summary>An endpoint of a resource, before or after it has an address.</summary>
/// <param name="owner">The resource that listens.</param>
/// <param name="endpointName">Name of the endpoint.</param>
public sealed class EndpointReference(IResourceWithEndpoints owner, string endpointName) : IExpressionValue
{
    /// <summary>The resource that listens.</summary>
    public IResourceWithEndpoints Resource { get; } = owner;

    /// <summary>Name of the endpoint.</summary>
    public string EndpointName { get; } = endpointName;

    /// <summary>Whether the resource has such an endpoint.</summary>
    public bool Exists => Find() is not null;

    /// <summary>Whether it has an address.</summary>
    public bool IsAllocated => Find()?.AllocatedEndpoint is not null;

    /// <summary>The URL.</summary>
    /// <exception cref="InvalidOperationException">It has no address yet.</exception>
    public string Url => Allocated.UriString;

    /// <summary>The port.</summary>
    /// <exception cref="InvalidOperationException">It has no address yet.</exception>
    public int Port => Allocated.Port;

    /// <summary>The host name or address.</summary>
    /// <exception cref="InvalidOperationException">It has no address yet.</exception>
    public string Host => Allocated.Address;

    /// <summary>The scheme.</summary>
    public string Scheme => Endpoint.UriScheme;

    /// <inheritdoc/>
    public string ValueExpression => Property(EndpointProperty.Url).ValueExpression;

    internal EndpointAnnotation Endpoint => Find() ?? throw new InvalidOperationException(
        $"Resource '{Resource.Name}' has no endpoint '{EndpointName}'; add it with WithHttpEndpoint or WithEndpoint.");

    private AllocatedEndpoint Allocated => Endpoint.AllocatedEndpoint ?? throw new InvalidOperationException(
        $"Endpoint '{EndpointName}' of '{Resource.Name}' has no address yet.");

    /// <summary>A part of the endpoint.</summary>
    public EndpointReferenceExpression Property(EndpointProperty property) => new(this, property);

    /// <inheritdoc/>
    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default) => new(Url);

    private EndpointAnnotation? Find() => Resource.Annotations.OfType<EndpointAnnotation>().FirstOrDefault(
        endpoint => string.Equals(endpoint.Name, EndpointName, StringComparison.OrdinalIgnoreCase));
}

/// <summary>A part of an endpoint.</summary>
/// <param name="endpointReference">The endpoint.</param>
/// <param name="property">The part.</param>
public class EndpointReferenceExpression(EndpointReference endpointReference, EndpointProperty property) : IExpressionValue
{
    /// <summary>The endpoint.</summary>
    public EndpointReference Endpoint { get; } = endpointReference;

    /// <summary>The part.</summary>
    public EndpointProperty Property { get; } = property;

    /// <inheritdoc/>
    public string ValueExpression
    {
        get
        {
            var part = Property switch
            {
                EndpointProperty.Url => "url",
                EndpointProperty.Host => "host",
                EndpointProperty.Port => "port",
                EndpointProperty.Scheme => "scheme",
                EndpointProperty.TargetPort => "targetPort",
                _ => throw new NotSupportedException($"Endpoint property {Property} is not part of compat/Aspire.Hosting."),
            };
            return $"{{{Endpoint.Resource.Name}.bindings.{Endpoint.EndpointName}.{part}}}";
        }
    }

    /// <inheritdoc/>
    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default) => new(Property switch
    {
        EndpointProperty.Url => Endpoint.Url,
        EndpointProperty.Host => Endpoint.Host,
        EndpointProperty.Scheme => Endpoint.Scheme,
        EndpointProperty.Port or EndpointProperty.TargetPort =>
            Endpoint.Port.ToString(System.Globalization.CultureInfo.InvariantCulture),
        _ => throw new NotSupportedException($"Endpoint property {Property} is not part of compat/Aspire.Hosting."),
    });
}
