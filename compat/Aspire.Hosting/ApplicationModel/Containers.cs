using System.Security.Cryptography;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>A container, run by docker or podman.</summary>
/// <param name="name">Unique name.</param>
public class ContainerResource(string name) : Resource(name),
    IResourceWithEnvironment, IResourceWithArgs, IResourceWithEndpoints, IResourceWithWaitSupport;

/// <summary>Which image a container is made of.</summary>
public sealed class ContainerImageAnnotation : IResourceAnnotation
{
    /// <summary>Host name of the registry; the runtime's own choice when not given.</summary>
    public string? Registry { get; set; }

    /// <summary>Repository.</summary>
    public required string Image { get; set; }

    /// <summary>Version; <c>latest</c> when not given.</summary>
    public string? Tag { get; set; }

    internal string Reference => $"{(Registry is null ? "" : $"{Registry}/")}{Image}:{Tag ?? "latest"}";
}

/// <summary>A named volume at an absolute path in a container.</summary>
internal sealed record ContainerVolume(string Source, string Target, bool IsReadOnly) : IResourceAnnotation;

/// <summary>A value that is given from outside, or made when none is.</summary>
/// <param name="name">Unique name; the setting is <c>Parameters:NAME</c>.</param>
/// <param name="callback">Finds the value; asked once.</param>
/// <param name="secret">Not to be shown.</param>
public class ParameterResource(string name, Func<ParameterDefault?, string> callback, bool secret = false)
    : Resource(name), IExpressionValue
{
    private string? _value;

    /// <summary>Not to be shown.</summary>
    public bool Secret { get; } = secret;

    /// <summary>Makes a value when none is given; <see langword="null"/> when one must be.</summary>
    public ParameterDefault? Default { get; set; }

    /// <inheritdoc/>
    public string ValueExpression => $"{{{Name}.value}}";

    /// <inheritdoc/>
    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default) =>
        new(_value ??= callback(Default));
}

/// <summary>Makes the value of a parameter.</summary>
public abstract class ParameterDefault
{
    /// <summary>A new value at each call.</summary>
    public abstract string GetDefaultValue();
}

/// <summary>Makes random values.</summary>
public sealed class GenerateParameterDefault : ParameterDefault
{
    private const string Plain = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ0123456789";

    /// <summary>Characters.</summary>
    public int MinLength { get; set; } = 22;

    /// <summary>Special characters too; only <see langword="false"/> is supported.</summary>
    public bool Special { get; set; } = true;

    /// <inheritdoc/>
    public override string GetDefaultValue() => Special
        ? throw new NotSupportedException("compat/Aspire.Hosting makes values of letters and digits; set Special to false.")
        : RandomNumberGenerator.GetString(Plain, MinLength);
}
