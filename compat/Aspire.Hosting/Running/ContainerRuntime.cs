using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.Running;

/// <summary>How a container becomes a process: the command line of docker or podman, which are one.</summary>
internal static class ContainerRuntime
{
    private const string Choice = "ASPIRE_CONTAINER_RUNTIME";

    /// <param name="container">Its endpoints have addresses.</param>
    /// <param name="args">Of the image's program.</param>
    /// <param name="variables">Given to the container by name, so that no process list shows their values.</param>
    /// <param name="environment">Reads one variable of this process.</param>
    /// <exception cref="DistributedApplicationException">There is no runtime.</exception>
    public static ProcessSpec Spec(
        ContainerResource container,
        IEnumerable<string> args,
        IReadOnlyDictionary<string, string> variables,
        Func<string, string?> environment)
    {
        var line = new List<string> { "run", "--rm", "--name", $"{container.Name}-{Environment.ProcessId}" };
        foreach (var endpoint in container.Annotations.OfType<EndpointAnnotation>())
        {
            line.AddRange(["-p", $"127.0.0.1:{endpoint.AllocatedEndpoint!.Port}:{endpoint.TargetPort ?? endpoint.Port}"]);
        }

        foreach (var volume in container.Annotations.OfType<ContainerVolume>())
        {
            line.AddRange(["-v", $"{volume.Source}:{volume.Target}{(volume.IsReadOnly ? ":ro" : "")}"]);
        }

        foreach (var name in variables.Keys)
        {
            line.AddRange(["-e", name]);
        }

        line.Add(container.Annotations.OfType<ContainerImageAnnotation>().Last().Reference);
        return new(container.Name, Find(environment), [.. line, .. args], Path.GetTempPath(), variables);
    }

    private static string Find(Func<string, string?> environment)
    {
        string[] names = environment(Choice) is { Length: > 0 } chosen ? [chosen] : ["docker", "podman"];
        var folders = (environment("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        var suffix = OperatingSystem.IsWindows() ? ".exe" : "";
        return names.SelectMany(name => folders.Select(folder => Path.Combine(folder, name + suffix)))
            .FirstOrDefault(File.Exists)
            ?? throw new DistributedApplicationException(
                $"it needs a container runtime, and there is no {string.Join(" or ", names)} on the PATH; install one, "
                + $"or name it in {Choice}.");
    }
}
