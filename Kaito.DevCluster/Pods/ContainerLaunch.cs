using System.Globalization;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Pods;

/// <summary>The local process of a container, or why it must wait.</summary>
internal abstract record ContainerLaunch
{
    private ContainerLaunch() { }

    public sealed record Start(ProcessSpec Spec, MountPaths Mounts, ModelChoice? Model) : ContainerLaunch;

    /// <summary>Something is missing; the reason is that of a waiting container.</summary>
    public sealed record Wait(string Reason, string Message) : ContainerLaunch;

    /// <summary>Decides how the container runs.</summary>
    /// <param name="place">The pod with its folders and ports.</param>
    /// <param name="container">The container of the manifest.</param>
    /// <param name="options">Images, models, folders.</param>
    /// <param name="find">Reads ConfigMaps and Secrets.</param>
    public static ContainerLaunch Plan(
        PodPlace place, JsonObject container, PodOptions options, Func<ObjectKey, JsonObject?> find)
    {
        var (entry, error) = ImageReference.Resolve(container.Text("image") ?? "", options, place.Dotnet);
        if (entry is null)
        {
            return new Wait("ErrImagePull", error);
        }

        Dictionary<string, string> variables;
        try
        {
            variables = ContainerVariables.Resolve(place.Pod, container, find);
        }
        catch (PodConfigException missing)
        {
            return new Wait("CreateContainerConfigError", missing.Message);
        }

        var model = ModelChoice.For(variables, options);
        if (model?.Problem(options) is { } problem)
        {
            return new Wait("CreateContainerConfigError", problem);
        }

        var mounts = MountPaths.Of(container, place.Volumes);
        var command = Command(container, entry, text => mounts.Rewrite(ContainerVariables.Expand(text, variables)));
        var environment = variables.ToDictionary(static v => v.Key, v => mounts.Rewrite(v.Value), StringComparer.Ordinal);
        foreach (var (name, value) in Local(place, container).Concat(model?.Variables() ?? []))
        {
            environment[name] = value;
        }

        return new Start(new(command, environment, WorkingFolder(place, container, mounts)), mounts, model);
    }

    // As in Kubernetes: command replaces the image's program, args alone are added to it.
    private static string[] Command(JsonObject container, string[] entry, Func<string, string> local)
    {
        var command = container.Strings("command").Select(local).ToArray();
        return [.. command.Length > 0 ? command : entry, .. container.Strings("args").Select(local)];
    }

    private static IEnumerable<KeyValuePair<string, string>> Local(PodPlace place, JsonObject container)
    {
        yield return new("HOSTNAME", place.Pod.Text("spec", "hostname") ?? place.Pod.Name);
        yield return new(PodFolder.UidVariable, place.Pod.Uid);
        yield return new("KAITO_PARENT_PID", Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        foreach (var (port, local) in place.Ports)
        {
            yield return new(
                $"KAITO_LOCAL_PORT_{port.ToString(CultureInfo.InvariantCulture)}", local.ToString(CultureInfo.InvariantCulture));
        }

        if (container.Objects("ports").FirstOrDefault()?.Number("containerPort") is { } first
            && place.Ports.TryGetValue(first, out var listen))
        {
            yield return new("ASPNETCORE_URLS", $"http://127.0.0.1:{listen.ToString(CultureInfo.InvariantCulture)}");
        }
    }

    private static string WorkingFolder(PodPlace place, JsonObject container, MountPaths mounts)
    {
        var wanted = mounts.Rewrite(container.Text("workingDir") ?? "");
        if (wanted.Length > 0 && Directory.Exists(wanted))
        {
            return wanted;
        }

        var folder = Path.Combine(place.Folder, "work", container.Text("name") ?? "");
        Directory.CreateDirectory(folder);
        return folder;
    }
}

/// <summary>Where a pod runs.</summary>
/// <param name="Pod">The pod, with its addresses in the status.</param>
/// <param name="Folder">Its folder.</param>
/// <param name="Volumes">Local folders by volume name.</param>
/// <param name="Ports">Local ports by container port.</param>
/// <param name="Dotnet">The program that runs a .dll.</param>
internal sealed record PodPlace(
    JsonObject Pod,
    string Folder,
    IReadOnlyDictionary<string, string> Volumes,
    IReadOnlyDictionary<int, int> Ports,
    string Dotnet);
