using System.Globalization;

namespace Kaito.Hosting;

/// <summary>What Kaito's processes need to run as resources.</summary>
public static class KaitoResourceExtensions
{
    /// <summary>An HTTP endpoint with a health check at <c>/health</c>; its port is <c>Ports:NAME</c>, or a free one.</summary>
    /// <exception cref="DistributedApplicationException">The configured port is not a port.</exception>
    public static IResourceBuilder<ProjectResource> WithKaitoEndpoint(
        this IResourceBuilder<ProjectResource> builder, string healthPath = "/health")
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder
            .WithHttpEndpoint(port: ConfiguredPort(builder))
            .WithHttpHealthCheck(healthPath);
    }

    /// <summary>Builds the tiny model once, then ends.</summary>
    public static IResourceBuilder<ProjectResource> BuildsTinyModel(
        this IResourceBuilder<ProjectResource> builder, KaitoState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return builder.WithArgs("tiny", "--output", state.TinyModel).ExcludeFromManifest();
    }

    /// <summary>Serves the model in a folder, while running on this machine.</summary>
    /// <param name="builder">An inference host.</param>
    /// <param name="modelFolder">Folder with genai_config.json.</param>
    /// <param name="servedName">The model id that clients send.</param>
    public static IResourceBuilder<ProjectResource> ServesModel(
        this IResourceBuilder<ProjectResource> builder, string modelFolder, string servedName)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.ApplicationBuilder.ExecutionContext.IsRunMode
            ? builder.WithArgs("--model-path", modelFolder, "--served-model-name", servedName)
            : builder;
    }

    /// <summary>Keeps the indexes of a retrieval service in the state folder, while running on this machine.</summary>
    public static IResourceBuilder<ProjectResource> KeepsDocuments(
        this IResourceBuilder<ProjectResource> builder, KaitoState state)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(state);
        return builder.ApplicationBuilder.ExecutionContext.IsRunMode
            ? builder
                .WithEnvironment("RAG_DATA_DIR", Path.Combine(state.Folder, "rag", "live"))
                .WithEnvironment("DEFAULT_VECTOR_DB_PERSIST_DIR", Path.Combine(state.Folder, "rag", "storage"))
                .WithEnvironment("RAG_MODELS_DIR", Path.Combine(state.Folder, "models"))
            : builder;
    }

    /// <summary>Keeps the indexes of a retrieval service on a Qdrant server, which it waits for.</summary>
    /// <param name="builder">A retrieval service.</param>
    /// <param name="qdrant">Its endpoint <c>grpc</c> and its key are used.</param>
    public static IResourceBuilder<ProjectResource> KeepsDocuments(
        this IResourceBuilder<ProjectResource> builder, IResourceBuilder<QdrantServerResource> qdrant)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(qdrant);
        return builder
            .WithEnvironment("VECTOR_DB_TYPE", "qdrant")
            .WithEnvironment("VECTOR_DB_URL", qdrant.GetEndpoint("grpc"))
            .WithEnvironment(context =>
                context.EnvironmentVariables["VECTOR_DB_ACCESS_SECRET"] = qdrant.Resource.ApiKeyParameter)
            .WaitFor(qdrant);
    }

    /// <summary>
    /// Keeps the indexes of a retrieval service on a Qdrant server that somebody else runs, if one is named; its key is
    /// <c>VECTOR_DB_ACCESS_SECRET</c> of this process.
    /// </summary>
    /// <param name="builder">A retrieval service.</param>
    /// <param name="address">The server's; <see langword="null"/> to change nothing.</param>
    public static IResourceBuilder<ProjectResource> KeepsDocuments(
        this IResourceBuilder<ProjectResource> builder, string? address) => address is null
        ? builder
        : builder.WithEnvironment("VECTOR_DB_TYPE", "qdrant").WithEnvironment("VECTOR_DB_URL", address);

    /// <summary>Lets a retrieval service answer chats with the model of an inference host.</summary>
    /// <param name="builder">A retrieval service.</param>
    /// <param name="inference">Its endpoint <c>http</c> is used.</param>
    public static IResourceBuilder<ProjectResource> AnswersWith(
        this IResourceBuilder<ProjectResource> builder, IResourceBuilder<ProjectResource> inference)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(inference);
        return builder.WithEnvironment("LLM_INFERENCE_URL", inference.GetEndpoint("http"));
    }

    /// <summary>Runs a Kubernetes API on this machine that keeps its files in the state folder.</summary>
    public static IResourceBuilder<ProjectResource> RunsDevCluster(
        this IResourceBuilder<ProjectResource> builder, KaitoState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return builder
            .WithKaitoEndpoint("/healthz")
            .WithArgs("--state-dir", state.Folder, "--substitute-model", state.TinyModel)
            .WithArgs(Forwarded(builder, "node-delay"))
            .WithArgs(Forwarded(builder, "node-mode"))
            .WithArgs(Forwarded(builder, "node-slow-delay"))
            .ExcludeFromManifest();
    }

    /// <summary>Lets pods of the development cluster run a project of this solution as their container.</summary>
    /// <param name="builder">The development cluster.</param>
    /// <param name="image">Last segment of the image's repository name.</param>
    /// <param name="project">The project whose built assembly runs.</param>
    public static IResourceBuilder<ProjectResource> MapsImage(
        this IResourceBuilder<ProjectResource> builder, string image, IProjectMetadata project)
    {
        ArgumentNullException.ThrowIfNull(project);
        return builder.WithArgs($"--Images:{image}={BuiltAssembly(project)}");
    }

    /// <summary>Manages the development cluster: uses its kubeconfig and installs the CRDs.</summary>
    public static IResourceBuilder<ProjectResource> ManagesDevCluster(
        this IResourceBuilder<ProjectResource> builder, KaitoState state)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(state);
        return builder.ApplicationBuilder.ExecutionContext.IsRunMode
            ? builder.WithArgs("--kubeconfig", state.Kubeconfig, "--install-crds", "true", "--pod-metrics-through-server", "true")
            : builder;
    }

    private static string[] Forwarded(IResourceBuilder<ProjectResource> builder, string option) =>
        builder.ApplicationBuilder.Configuration[option] is { } value ? [$"--{option}", value] : [];

    // All projects of the solution build into one artifacts folder, side by side: bin/PROJECT/CONFIGURATION.
    private static string BuiltAssembly(IProjectMetadata project)
    {
        var name = Path.GetFileNameWithoutExtension(project.ProjectPath);
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        return Path.GetFullPath(Path.Combine(here.FullName, "..", "..", name, here.Name, $"{name}.dll"));
    }

    private static int? ConfiguredPort(IResourceBuilder<ProjectResource> builder)
    {
        var key = $"Ports:{builder.Resource.Name}";
        if (builder.ApplicationBuilder.Configuration[key] is not { } text)
        {
            return null;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535
            ? port
            : throw new DistributedApplicationException($"{key} is '{text}'; give a port from 1 to 65535, or leave it out.");
    }
}
