namespace Kaito.Core.Api;

/// <summary>
/// What the CRD schema says about a property: the text of <c>kubectl explain</c> and the constraints.
/// </summary>
/// <param name="description">One or more sentences; written into the schema as they are.</param>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Class)]
public sealed class FieldAttribute(string description) : Attribute
{
    /// <summary>One or more sentences.</summary>
    public string Description { get; } = description;

    /// <summary>The property is in the <c>required</c> list of its object.</summary>
    public bool Required { get; init; }

    /// <summary>The value that the API server fills in, as JSON text; <see langword="null"/> for none.</summary>
    public string? Default { get; init; }

    /// <summary>Like <see cref="Default"/>, in v1alpha1 only.</summary>
    public string? AlphaDefault { get; init; }

    /// <summary>The allowed values; empty for any.</summary>
    public string[] Enum { get; init; } = [];

    /// <summary>Regular expression of the value; <see langword="null"/> for any.</summary>
    public string? Pattern { get; init; }

    /// <summary>Least value of a number; <see cref="long.MinValue"/> for none.</summary>
    public long Minimum { get; init; } = long.MinValue;

    /// <summary>Least number of characters; -1 for none.</summary>
    public int MinLength { get; init; } = -1;

    /// <summary>Greatest number of characters; -1 for none.</summary>
    public int MaxLength { get; init; } = -1;
}
