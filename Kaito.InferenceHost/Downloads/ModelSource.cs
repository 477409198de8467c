using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Kaito.Core;

namespace Kaito.InferenceHost.Downloads;

/// <summary>Where a model comes from that is not in a folder yet. A closed set: match on all of it.</summary>
internal abstract partial record ModelSource
{
    private const string ArtifactScheme = "oci://";

    private ModelSource()
    {
    }

    /// <summary>What a person calls it.</summary>
    public abstract string Name { get; }

    /// <param name="text">As given with <c>--model</c>.</param>
    /// <param name="revision">Branch, tag or commit of a repository; null for its default branch.</param>
    /// <returns>Null for a folder.</returns>
    public static Validated<Named> Parse(string text, string? revision)
    {
        if (text.StartsWith(ArtifactScheme, StringComparison.Ordinal))
        {
            return Reference().Match(text[ArtifactScheme.Length..]) is { Success: true } match
                ? new Named(new Artifact(
                    match.Groups["host"].Value, match.Groups["name"].Value,
                    match.Groups["tag"] is { Success: true } tag ? tag.Value : null,
                    match.Groups["digest"] is { Success: true } digest ? digest.Value : null))
                : Wrong(text, "write oci://HOST/NAME:TAG or oci://HOST/NAME@sha256:DIGEST");
        }

        if (Path.IsPathRooted(text) || text.StartsWith('.') || Directory.Exists(text))
        {
            return new Named(null);
        }

        return RepositoryName().IsMatch(text)
            ? new Named(new Repository(text, string.IsNullOrEmpty(revision) ? "main" : revision))
            : Wrong(text, "name an existing folder, a repository as OWNER/NAME, or an artifact as oci://HOST/NAME:TAG");
    }

    private static ImmutableArray<FieldError> Wrong(string text, string remedy) =>
        [new("--model", "malformed", $"model is {text}; {remedy}.")];

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}$")]
    private static partial Regex RepositoryName();

    [GeneratedRegex(
        "^(?<host>[a-z0-9.-]+(:[0-9]+)?)/(?<name>[a-z0-9]+([._/-]+[a-z0-9]+)*)(:(?<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
        + "(@(?<digest>sha256:[0-9a-f]{64}))?$")]
    private static partial Regex Reference();

    /// <summary>The answer of <see cref="Parse"/>.</summary>
    /// <param name="Source">Null when the text names a folder.</param>
    public sealed record Named(ModelSource? Source);

    /// <param name="Id">Owner and name.</param>
    /// <param name="Revision">Branch, tag or commit.</param>
    public sealed record Repository(string Id, string Revision) : ModelSource
    {
        public override string Name => Id;

        /// <summary>A revision that can never be another one tomorrow.</summary>
        public bool Pinned => Revision.Length == 40 && Revision.All(char.IsAsciiHexDigitLower);
    }

    /// <param name="Host">Of the registry, perhaps with a port.</param>
    /// <param name="Path">Name within the registry.</param>
    /// <param name="Tag">Null when only a digest is given.</param>
    /// <param name="Digest">Wins over the tag.</param>
    public sealed record Artifact(string Host, string Path, string? Tag, string? Digest) : ModelSource
    {
        public override string Name => $"{ArtifactScheme}{Host}/{Path}";

        /// <summary>What the registry is asked for.</summary>
        public string Wanted => Digest ?? Tag ?? "latest";
    }
}
