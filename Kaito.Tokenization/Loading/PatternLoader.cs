using Kaito.Tokenization.Patterns;

namespace Kaito.Tokenization.Loading;

/// <summary>Reads <c>{"String": …}</c> and <c>{"Regex": …}</c>.</summary>
internal static class PatternLoader
{
    public static PatternMatcher Load(JsonField pattern)
    {
        if (pattern.Has("String"))
        {
            return PatternMatcher.Literal(pattern["String"].Text());
        }

        var source = pattern["Regex"].Text();
        try
        {
            return PatternMatcher.Parse(source);
        }
        catch (FormatException e)
        {
            throw pattern["Regex"].Invalid($"the pattern cannot be used: {e.Message}");
        }
    }
}
