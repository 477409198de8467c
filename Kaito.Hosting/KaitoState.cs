using Microsoft.Extensions.DependencyInjection;

namespace Kaito.Hosting;

/// <summary>Where a local run keeps its files, and which cluster it works on.</summary>
public sealed class KaitoState
{
    private const string CurrentCluster = "current";
    private const string QdrantContainer = "qdrant";

    private KaitoState(string folder, bool usesDevCluster, string? vectorStore)
    {
        (Folder, UsesDevCluster) = (folder, usesDevCluster);
        UsesQdrantContainer = vectorStore == QdrantContainer;
        QdrantAddress = UsesQdrantContainer ? null : vectorStore;
    }

    /// <summary>Full path of the folder that holds everything a local run writes; <c>.kaito</c> in the repository.</summary>
    public string Folder { get; }

    /// <summary>False when the operator manages the user's own cluster (<c>--cluster current</c>).</summary>
    public bool UsesDevCluster { get; }

    /// <summary>Documents are kept on a Qdrant server that runs in a container (<c>--vector-store qdrant</c>).</summary>
    public bool UsesQdrantContainer { get; }

    /// <summary>Documents are kept on this Qdrant server (<c>--vector-store URL</c>).</summary>
    public string? QdrantAddress { get; }

    /// <summary>Kubeconfig of the development cluster.</summary>
    public string Kubeconfig => Path.Combine(Folder, "kubeconfig");

    /// <summary>Folder of the model that stands in for models that are not on this machine.</summary>
    public string TinyModel => Path.Combine(Folder, "models", "kaito", "tiny");

    /// <summary>File that names every resource with its URL and state.</summary>
    public string Endpoints => Path.Combine(Folder, "endpoints.json");

    internal static KaitoState From(IDistributedApplicationBuilder builder)
    {
        var configured = builder.Configuration["state-dir"];
        var folder = configured is null
            ? Path.Combine(builder.AppHostDirectory, "..", ".kaito")
            : configured;
        var cluster = builder.Configuration["cluster"];
        return cluster is null or CurrentCluster
            ? new(Path.GetFullPath(folder), cluster is null, VectorStore(builder.Configuration["vector-store"]))
            : throw new DistributedApplicationException(
                $"--cluster '{cluster}' is unknown; leave it out for the development cluster, or use '{CurrentCluster}' "
                + "for the cluster of your kubeconfig.");
    }

    private static string? VectorStore(string? given) => given is null or QdrantContainer
        || (Uri.TryCreate(given, UriKind.Absolute, out var url) && url.Scheme is "http" or "https")
        ? given
        : throw new DistributedApplicationException(
            $"--vector-store '{given}' is unknown; leave it out for files, or give '{QdrantContainer}' for a container, or the "
            + "http or https address of a Qdrant server.");
}

/// <summary>Adds Kaito's local state to an application.</summary>
public static class KaitoStateExtensions
{
    /// <summary>
    /// Reads <c>--state-dir</c>, <c>--cluster</c> and <c>--vector-store</c>, and reports endpoints on the console and in
    /// <see cref="KaitoState.Endpoints"/> while the application runs.
    /// </summary>
    /// <exception cref="DistributedApplicationException">An option names something unknown.</exception>
    public static KaitoState AddKaitoState(this IDistributedApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var state = KaitoState.From(builder);
        if (builder.ExecutionContext.IsRunMode)
        {
            builder.Services.AddSingleton(state);
            builder.Services.AddHostedService<EndpointReport>();
        }

        return state;
    }
}
