using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.Running;

/// <summary>How a resource becomes a process.</summary>
internal static class Launch
{
    public static async Task<ProcessSpec> SpecAsync(
        IResource resource,
        DistributedApplicationExecutionContext execution,
        string appHostDirectory,
        CancellationToken cancellationToken)
    {
        var args = new List<string>();
        foreach (var arg in await Callbacks.ArgsAsync(resource, execution, cancellationToken))
        {
            args.Add(await Callbacks.ValueAsync(arg, cancellationToken));
        }

        var variables = new Dictionary<string, string>();
        foreach (var (name, value) in await Callbacks.EnvironmentAsync(resource, execution, cancellationToken))
        {
            variables[name] = await Callbacks.ValueAsync(value, cancellationToken);
        }

        return resource switch
        {
            ProjectResource project => Project(project, args, variables),
            ExecutableResource executable => new(
                resource.Name, executable.Command, args, Path.GetFullPath(executable.WorkingDirectory, appHostDirectory), variables),
            ContainerResource container => ContainerRuntime.Spec(
                container, args, variables, Environment.GetEnvironmentVariable),
            _ => throw new DistributedApplicationException(
                $"a {resource.GetType().Name} cannot run here; compat/Aspire.Hosting starts projects, executables and "
                + "containers."),
        };
    }

    private static ProcessSpec Project(ProjectResource project, List<string> args, Dictionary<string, string> variables)
    {
        var metadata = project.Annotations.OfType<IBuiltProjectMetadata>().Last();
        if (!File.Exists(metadata.TargetPath))
        {
            throw new DistributedApplicationException(
                $"'{metadata.TargetPath}' does not exist; build the AppHost, which builds it.");
        }

        var urls = project.Annotations.OfType<EndpointAnnotation>()
            .Where(static endpoint => endpoint.UriScheme is "http" or "https")
            .Select(static endpoint => endpoint.AllocatedEndpoint!.UriString)
            .ToArray();
        if (urls.Length > 0)
        {
            variables.TryAdd("ASPNETCORE_URLS", string.Join(';', urls));
        }

        variables.TryAdd("OTEL_SERVICE_NAME", project.Name);
        return new(
            project.Name,
            Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet",
            ["exec", metadata.TargetPath, .. args],
            Path.GetDirectoryName(metadata.ProjectPath)!,
            variables);
    }
}
