using System.Collections.Immutable;

namespace Kaito.Core.Admission;

/// <summary>What admission says to a write: refused with every error at once, or let through with warnings.</summary>
/// <param name="Errors">In the order of the fields; empty when the write is let through.</param>
/// <param name="Warnings">Sentences about what is accepted and has no effect; empty when the write is refused.</param>
public sealed record Verdict(ImmutableArray<FieldError> Errors, ImmutableArray<string> Warnings)
{
    /// <summary>Let through, and nothing to say.</summary>
    public static Verdict Nothing { get; } = new([], []);

    /// <summary>Whether the write goes on.</summary>
    public bool Allowed => Errors.IsEmpty;
}
