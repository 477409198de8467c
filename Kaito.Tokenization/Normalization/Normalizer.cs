using Kaito.Tokenization.Patterns;

namespace Kaito.Tokenization.Normalization;

/// <summary>Rewrites text before it is cut into pieces. Implementations are immutable and thread-safe.</summary>
internal abstract class Normalizer
{
    public static Normalizer None { get; } = new NormalizerSequence([]);

    public abstract string Normalize(string text);
}

internal sealed class NormalizerSequence(IReadOnlyList<Normalizer> steps) : Normalizer
{
    public override string Normalize(string text) =>
        steps.Aggregate(text, static (current, step) => step.Normalize(current));
}

/// <summary>Puts a fixed text before every non-empty one.</summary>
internal sealed class PrependNormalizer(string prefix) : Normalizer
{
    public override string Normalize(string text) => text.Length == 0 ? text : prefix + text;
}

/// <summary>Replaces every occurrence of a fixed text.</summary>
internal sealed class ReplaceNormalizer(string found, string replacement) : Normalizer
{
    public override string Normalize(string text) => text.Replace(found, replacement, StringComparison.Ordinal);
}

/// <summary>Replaces every match of a pattern by a fixed text.</summary>
internal sealed class PatternReplaceNormalizer(PatternMatcher pattern, string replacement) : Normalizer
{
    public override string Normalize(string text) => pattern.Replace(text, replacement);
}

/// <summary>Removes white space at the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : Normalizer
{
    public override string Normalize(string text)
    {
        var stripped = left ? text.TrimStart() : text;
        return right ? stripped.TrimEnd() : stripped;
    }
}

/// <summary>A rewriting that looks at nothing but the text.</summary>
internal sealed class FunctionNormalizer(Func<string, string> rewrite) : Normalizer
{
    public override string Normalize(string text) => rewrite(text);
}
