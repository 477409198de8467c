using System.Collections.ObjectModel;
using System.Diagnostics.CodeAnalysis;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>A part of the application: a name and what is known about it.</summary>
public interface IResource
{
    /// <summary>Unique name.</summary>
    string Name { get; }

    /// <summary>What was said about the resource.</summary>
    ResourceAnnotationCollection Annotations { get; }
}

/// <summary>A fact about a resource.</summary>
public interface IResourceAnnotation;

/// <summary>The facts about one resource.</summary>
public sealed class ResourceAnnotationCollection : Collection<IResourceAnnotation>;

/// <summary>A resource with environment variables.</summary>
public interface IResourceWithEnvironment : IResource;

/// <summary>A resource with command-line arguments.</summary>
public interface IResourceWithArgs : IResource;

/// <summary>A resource that listens.</summary>
public interface IResourceWithEndpoints : IResource;

/// <summary>A resource that can wait for others.</summary>
public interface IResourceWithWaitSupport : IResource;

/// <summary>A resource with a name, for derivation.</summary>
/// <param name="name">Unique name.</param>
public abstract class Resource(string name) : IResource
{
    /// <inheritdoc/>
    public virtual string Name { get; } = name;

    /// <inheritdoc/>
    public virtual ResourceAnnotationCollection Annotations { get; } = [];
}

/// <summary>A .NET project of this solution.</summary>
/// <param name="name">Unique name.</param>
public class ProjectResource(string name) : Resource(name),
    IResourceWithEnvironment, IResourceWithArgs, IResourceWithServiceDiscovery, IResourceWithWaitSupport;

/// <summary>Any program.</summary>
/// <param name="name">Unique name.</param>
/// <param name="command">The program, looked up on the PATH.</param>
/// <param name="workingDirectory">Relative to the AppHost's folder.</param>
public class ExecutableResource(string name, string command, string workingDirectory) : Resource(name),
    IResourceWithEnvironment, IResourceWithArgs, IResourceWithEndpoints, IResourceWithWaitSupport
{
    /// <summary>The program.</summary>
    public string Command { get; } = command;

    /// <summary>Where it starts.</summary>
    public string WorkingDirectory { get; } = workingDirectory;
}

/// <summary>Resources by position and by name.</summary>
public interface IResourceCollection : IList<IResource>
{
    /// <summary>Finds a resource, whatever the case of the name.</summary>
    bool TryGetByName(string name, [NotNullWhen(true)] out IResource? resource);
}

internal sealed class ResourceCollection : Collection<IResource>, IResourceCollection
{
    public ResourceCollection()
    {
    }

    public ResourceCollection(IEnumerable<IResource> resources)
        : base([.. resources])
    {
    }

    public bool TryGetByName(string name, [NotNullWhen(true)] out IResource? resource)
    {
        resource = this.FirstOrDefault(r => string.Equals(r.Name, name, StringComparison.OrdinalIgnoreCase));
        return resource is not null;
    }
}

/// <summary>Builds one resource.</summary>
/// <typeparam name="T">The resource's type.</typeparam>
public interface IResourceBuilder<out T>
    where T : IResource
{
    /// <summary>The resource.</summary>
    T Resource { get; }

    /// <summary>The application it belongs to.</summary>
    IDistributedApplicationBuilder ApplicationBuilder { get; }

    /// <summary>Says something about the resource.</summary>
    IResourceBuilder<T> WithAnnotation<TAnnotation>(
        TAnnotation annotation, ResourceAnnotationMutationBehavior behavior = ResourceAnnotationMutationBehavior.Append)
        where TAnnotation : IResourceAnnotation;
}

/// <summary>Whether an annotation joins or replaces those of its type.</summary>
public enum ResourceAnnotationMutationBehavior
{
    /// <summary>Joins them.</summary>
    Append = 0,

    /// <summary>Replaces them.</summary>
    Replace = 1,
}

internal static class ResourceName
{
    private const int MaxLength = 64;

    /// <summary>1-64 ASCII letters, digits and single hyphens; a letter first, no hyphen last.</summary>
    public static void Check(string name)
    {
        if (name.Length is 0 or > MaxLength
            || !char.IsAsciiLetter(name[0])
            || name.EndsWith('-')
            || name.Contains("--", StringComparison.Ordinal)
            || name.Any(static c => !char.IsAsciiLetterOrDigit(c) && c != '-'))
        {
            throw new DistributedApplicationException(
                $"Resource name '{name}' is not valid: 1 to {MaxLength} ASCII letters, digits and single hyphens, "
                + "a letter first and no hyphen last.");
        }
    }
}
