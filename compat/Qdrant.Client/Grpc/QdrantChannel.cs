using Qdrant.Client.Transport;

namespace Qdrant.Client.Grpc;

/// <summary>Connections to one server. Thread-safe.</summary>
public class QdrantChannel : IDisposable
{
    private QdrantChannel(Uri address, ClientConfiguration configuration) => Calls = new(address, configuration);

    internal UnaryCalls Calls { get; }

    /// <summary>Connects when first needed, without a key.</summary>
    /// <param name="address"><c>http</c> or <c>https</c>, with the gRPC port (6334, unless configured otherwise).</param>
    public static QdrantChannel ForAddress(Uri address) => ForAddress(address, new ClientConfiguration());

    /// <summary>Connects when first needed.</summary>
    /// <param name="address"><c>http</c> or <c>https</c>, with the gRPC port (6334, unless configured otherwise).</param>
    /// <param name="configuration">Read once.</param>
    public static QdrantChannel ForAddress(Uri address, ClientConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(configuration);
        return new(address, configuration);
    }

    /// <summary>Closes the connections; calls in progress fail.</summary>
    public void Dispose()
    {
        Calls.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>The services of one server.</summary>
/// <param name="channel">Not disposed here.</param>
public class QdrantGrpcClient(QdrantChannel channel)
{
    internal UnaryCalls Calls { get; } = channel.Calls;
}
