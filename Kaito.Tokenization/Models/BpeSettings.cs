using System.Collections.Frozen;

namespace Kaito.Tokenization.Models;

/// <summary>What a BPE file says beside its merges.</summary>
internal sealed record BpeSettings
{
    public required FrozenDictionary<string, int> Vocabulary { get; init; }

    /// <summary>For characters outside the vocabulary; null drops them.</summary>
    public int? Unknown { get; init; }

    /// <summary>Adjacent unknown characters become one unknown token.</summary>
    public bool FuseUnknown { get; init; }

    /// <summary>A character outside the vocabulary becomes its UTF-8 bytes, each a token <c>&lt;0xHH&gt;</c>.</summary>
    public bool ByteFallback { get; init; }

    /// <summary>A piece that is itself a token is not merged from its characters.</summary>
    public bool IgnoreMerges { get; init; }

    /// <summary>Written before every character of a piece but the first, e.g. <c>##</c>.</summary>
    public string? ContinuingPrefix { get; init; }

    /// <summary>Written after the last character of a piece, e.g. <c>&lt;/w&gt;</c>.</summary>
    public string? EndSuffix { get; init; }
}
