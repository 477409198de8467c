using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.Running;

/// <summary>Who waits for whom.</summary>
internal static class WaitGraph
{
    /// <exception cref="DistributedApplicationException">Resources wait for each other in a circle.</exception>
    public static void ThrowIfCyclic(IEnumerable<IResource> resources)
    {
        var done = new HashSet<IResource>();
        foreach (var resource in resources)
        {
            Visit(resource, [], done);
        }
    }

    public static IEnumerable<IResource> Dependencies(IResource resource) =>
        resource.Annotations.OfType<WaitAnnotation>().Select(static wait => wait.Resource);

    private static void Visit(IResource resource, List<IResource> path, HashSet<IResource> done)
    {
        if (path.Contains(resource))
        {
            var circle = string.Join(" -> ", path.Append(resource).Select(static r => r.Name));
            throw new DistributedApplicationException($"Resources wait for each other: {circle}. Remove one WaitFor.");
        }

        if (done.Contains(resource))
        {
            return;
        }

        path.Add(resource);
        foreach (var dependency in Dependencies(resource))
        {
            Visit(dependency, path, done);
        }

        path.RemoveAt(path.Count - 1);
        done.Add(resource);
    }
}
