using System.Globalization;
using System.Text;

namespace Kaito.Tokenization.Patterns;

/// <summary>
/// A set of code points: inclusive ranges and Unicode categories, possibly inverted. Unlike the classes of
/// <see cref="System.Text.RegularExpressions.Regex"/> it sees whole code points, so that letters outside the basic
/// plane are letters.
/// </summary>
internal sealed class CharClass
{
    private readonly Func<Rune, bool> _contains;
    private readonly bool[] _ascii = new bool[128];

    public CharClass(Func<Rune, bool> contains)
    {
        _contains = contains;
        for (var value = 0; value < _ascii.Length; value++)
        {
            _ascii[value] = contains(new(value));
        }
    }

    public static CharClass Any { get; } = new(static _ => true);

    public static CharClass AnyButNewline { get; } = new(static rune => rune.Value != '\n');

    public static CharClass Space { get; } = new(Rune.IsWhiteSpace);

    public static CharClass Digit { get; } = Categories([UnicodeCategory.DecimalDigitNumber]);

    /// <summary>Letters, marks, decimal digits, connectors, circled letters and the two join controls.</summary>
    public static CharClass Word { get; } = new(static rune =>
        rune.Value is 0x200C or 0x200D or (>= 0x24B6 and <= 0x24E9)
            or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189)
        || Rune.GetUnicodeCategory(rune) is <= UnicodeCategory.DecimalDigitNumber
            or UnicodeCategory.LetterNumber
            or UnicodeCategory.ConnectorPunctuation);

    public static CharClass Categories(UnicodeCategory[] categories)
    {
        var mask = categories.Aggregate(0u, static (bits, category) => bits | (1u << (int)category));
        return new(rune => (mask & (1u << (int)Rune.GetUnicodeCategory(rune))) != 0);
    }

    public static CharClass Range(int first, int last) => new(rune => rune.Value >= first && rune.Value <= last);

    public static CharClass Union(IReadOnlyList<CharClass> parts)
    {
        var all = parts.ToArray();
        return all.Length == 1 ? all[0] : new(rune => Array.Exists(all, part => part.Contains(rune)));
    }

    public static CharClass Intersection(CharClass left, CharClass right) =>
        new(rune => left.Contains(rune) && right.Contains(rune));

    public static CharClass Not(CharClass inner) => new(rune => !inner.Contains(rune));

    /// <summary>The class that also contains what differs from a member only in case.</summary>
    public static CharClass IgnoreCase(CharClass inner) => new(rune =>
        CaseFolding.Variants(rune).Any(inner.Contains));

    public bool Contains(Rune rune) => rune.IsAscii ? _ascii[rune.Value] : _contains(rune);
}
