using System.Net.Sockets;
using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting
{
    /// <summary>Adds Qdrant servers.</summary>
    public static class QdrantBuilderExtensions
    {
        /// <summary>A Qdrant server in a container, with endpoints <c>grpc</c> and <c>http</c> and a key.</summary>
        /// <param name="builder">The application.</param>
        /// <param name="name">Unique name.</param>
        /// <param name="apiKey">The key; without it <c>Parameters:NAME-Key</c>, or a random one.</param>
        /// <param name="grpcPort">On this machine; a free one when not given.</param>
        /// <param name="httpPort">On this machine; a free one when not given.</param>
        public static IResourceBuilder<QdrantServerResource> AddQdrant(
            this IDistributedApplicationBuilder builder,
            string name,
            IResourceBuilder<ParameterResource>? apiKey = null,
            int? grpcPort = null,
            int? httpPort = null)
        {
            ArgumentNullException.ThrowIfNull(builder);
            var key = apiKey?.Resource ?? Key(builder, $"{name}-Key");
            return builder.AddResource(new QdrantServerResource(name, key))
                .WithAnnotation(new ContainerImageAnnotation
                {
                    Registry = "docker.io",
                    Image = "qdrant/qdrant",
                    Tag = "v1.18.0",
                })
                .WithAnnotation(new EndpointAnnotation(
                    ProtocolType.Tcp, "http", "http2", QdrantServerResource.PrimaryEndpointName, grpcPort, 6334))
                .WithAnnotation(new EndpointAnnotation(ProtocolType.Tcp, "http", name: "http", port: httpPort, targetPort: 6333))
                .WithEnvironment(context =>
                {
                    context.EnvironmentVariables["QDRANT__SERVICE__API_KEY"] = key;
                    context.EnvironmentVariables["QDRANT__SERVICE__ENABLE_STATIC_CONTENT"] = "0";
                })
                .WithHttpHealthCheck("/readyz", endpointName: "http");
        }

        /// <summary>Keeps the data in a named volume.</summary>
        /// <param name="builder">The server.</param>
        /// <param name="name">Of the volume; that of the resource with <c>-data</c> when not given.</param>
        /// <param name="isReadOnly">The server may not write.</param>
        public static IResourceBuilder<QdrantServerResource> WithDataVolume(
            this IResourceBuilder<QdrantServerResource> builder, string? name = null, bool isReadOnly = false)
        {
            ArgumentNullException.ThrowIfNull(builder);
            return builder.WithAnnotation(
                new ContainerVolume(name ?? $"{builder.Resource.Name}-data", "/qdrant/storage", isReadOnly));
        }

        private static ParameterResource Key(IDistributedApplicationBuilder builder, string name)
        {
            ResourceName.Check(name);
            return new(name, made => builder.Configuration[$"Parameters:{name}"] ?? made!.GetDefaultValue(), secret: true)
            {
                Default = new GenerateParameterDefault { Special = false },
            };
        }
    }
}

namespace Aspire.Hosting.ApplicationModel
{
    /// <summary>A Qdrant server in a container.</summary>
    /// <param name="name">Unique name.</param>
    /// <param name="apiKey">Its key.</param>
    public class QdrantServerResource(string name, ParameterResource apiKey) : ContainerResource(name)
    {
        internal const string PrimaryEndpointName = "grpc";

        /// <summary>Its key.</summary>
        public ParameterResource ApiKeyParameter { get; } = apiKey;

        /// <summary>Where it serves gRPC.</summary>
        public EndpointReference PrimaryEndpoint => new(this, PrimaryEndpointName);

        internal string ConnectionString => $"Endpoint={PrimaryEndpoint.ValueExpression};Key={ApiKeyParameter.ValueExpression}";
    }
}
