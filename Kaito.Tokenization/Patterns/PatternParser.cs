using System.Globalization;
using System.Text;

namespace Kaito.Tokenization.Patterns;

/// <summary>
/// Parses the syntax that Oniguruma and Rust patterns of tokenizer files share: alternation, groups, <c>(?i:…)</c>,
/// lookahead, atomic groups, classes with categories, and greedy, lazy and possessive repetition.
/// </summary>
internal sealed class PatternParser
{
    private readonly Rune[] _source;
    private int _at;
    private bool _ignoreCase;

    private PatternParser(string pattern) => _source = [.. pattern.EnumerateRunes()];

    private bool More => _at < _source.Length;

    /// <exception cref="FormatException">The pattern is malformed or uses other syntax.</exception>
    public static PatternNode Parse(string pattern)
    {
        var parser = new PatternParser(pattern);
        var node = parser.Choice();
        return parser.More ? throw parser.Error("unbalanced ')'") : node;
    }

    private PatternNode Choice()
    {
        var alternatives = new List<PatternNode> { Sequence() };
        while (Skip('|'))
        {
            alternatives.Add(Sequence());
        }

        return alternatives.Count == 1 ? alternatives[0] : new PatternNode.Choice(alternatives);
    }

    private PatternNode Sequence()
    {
        var parts = new List<PatternNode>();
        while (More && !At('|') && !At(')'))
        {
            parts.Add(Repeated());
        }

        return parts.Count == 1 ? parts[0] : new PatternNode.Sequence(parts);
    }

    private PatternNode Repeated()
    {
        var node = Single();
        while (TryCounts(out var least, out var most))
        {
            var mode = Skip('?') ? RepeatMode.Lazy : Skip('+') ? RepeatMode.Possessive : RepeatMode.Greedy;
            node = new PatternNode.Repeat(node, least, most, mode);
        }

        return node;
    }

    private bool TryCounts(out int least, out int? most)
    {
        (least, most) = (0, null);
        if (Skip('*'))
        {
            return true;
        }

        if (Skip('+'))
        {
            least = 1;
            return true;
        }

        if (Skip('?'))
        {
            most = 1;
            return true;
        }

        return At('{') && TryBraces(out least, out most);
    }

    // {n} {n,} {n,m} {,m}; anything else is literal text.
    private bool TryBraces(out int least, out int? most)
    {
        (least, most) = (0, null);
        var end = Array.IndexOf(_source, new('}'), _at);
        var body = end < 0 ? "" : Slice(_at + 1, end);
        var comma = body.IndexOf(',', StringComparison.Ordinal);
        var low = comma < 0 ? body : body[..comma];
        var high = comma < 0 ? body : body[(comma + 1)..];
        if (body.Length == 0 || body == "," || !Count(low, 0, out least) || !Count(high, int.MaxValue, out var limit))
        {
            return false;
        }

        _at = end + 1;
        most = limit == int.MaxValue ? null : limit;
        return limit >= least ? true : throw Error("the repetition's limits are reversed");
    }

    private static bool Count(string digits, int missing, out int count)
    {
        count = missing;
        return digits.Length == 0
            || (digits.Length < 5 && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out count));
    }

    private PatternNode Single()
    {
        var rune = Take();
        switch (rune.Value)
        {
            case '(':
                return Group();
            case '[':
                return One(Brackets());
            case '.':
                return One(CharClass.AnyButNewline);
            case '^':
                return new PatternNode.Place(Anchor.TextStart);
            case '$':
                return new PatternNode.Place(Anchor.TextEnd);
            case '*' or '+' or '?':
                throw Error("nothing to repeat");
            case '\\':
                return Escape();
            default:
                return Literal(rune);
        }
    }

    private PatternNode Group()
    {
        var outer = _ignoreCase;
        var node = Skip('?') ? Special() : Closed(Choice());
        _ignoreCase = outer;
        return node;
    }

    private PatternNode Special()
    {
        var kind = Take().Value;
        switch (kind)
        {
            case ':':
                return Closed(Choice());
            case '=' or '!':
                return new PatternNode.Ahead(Closed(Choice()), kind == '!');
            case '>':
                return new PatternNode.Atomic(Closed(Choice()));
            case 'i':
                _ignoreCase = true;
                return Skip(':') ? Closed(Choice()) : throw Error("only the form (?i:…) is supported");
            default:
                throw Error($"the group (?{new Rune(kind)} is not supported");
        }
    }

    private PatternNode Closed(PatternNode node) => Skip(')') ? node : throw Error("missing ')'");

    private PatternNode Escape()
    {
        if (!More)
        {
            throw Error("it ends with a backslash");
        }

        if (_source[_at].Value is 'b' or 'B' or 'A' or 'z')
        {
            return new PatternNode.Place(Take().Value switch
            {
                'b' => Anchor.WordBoundary,
                'B' => Anchor.NotWordBoundary,
                'A' => Anchor.TextStart,
                _ => Anchor.TextEnd,
            });
        }

        return PatternClasses.TryShorthand(_source, ref _at, out var set) ? One(set) : Literal(Escaped());
    }

    private Rune Escaped()
    {
        var rune = Take();
        return rune.Value switch
        {
            'n' => new('\n'),
            'r' => new('\r'),
            't' => new('\t'),
            'f' => new('\f'),
            'v' => new('\v'),
            'e' => new(0x1B),
            '0' => new(0),
            'x' => Hex(2),
            'u' => Hex(4),
            _ when Rune.IsLetterOrDigit(rune) => throw Error($"the escape \\{rune} is not supported"),
            _ => rune,
        };
    }

    private Rune Hex(int digits)
    {
        var end = _at + digits;
        if (Skip('{'))
        {
            end = Array.IndexOf(_source, new('}'), _at);
        }

        var text = end > _at && end <= _source.Length ? Slice(_at, end) : "";
        _at = end;
        _ = More && Skip('}');
        return int.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            && Rune.IsValid(value)
                ? new(value)
                : throw Error("a hexadecimal code point is expected");
    }

    // After '['. Nested classes are united; && intersects what stands left and right of it.
    private CharClass Brackets()
    {
        var negated = Skip('^');
        var parts = new List<CharClass>();
        CharClass? left = null;
        for (var first = true; first || !At(']'); first = false)
        {
            if (!More)
            {
                throw Error("missing ']'");
            }

            if (At('&') && _at + 1 < _source.Length && _source[_at + 1].Value == '&')
            {
                _at += 2;
                left = Meet(left, parts);
                parts = [];
                continue;
            }

            parts.Add(Member());
        }

        _at++;
        var set = Meet(left, parts);
        set = _ignoreCase ? CharClass.IgnoreCase(set) : set;
        return negated ? CharClass.Not(set) : set;
    }

    private static CharClass Meet(CharClass? left, List<CharClass> parts)
    {
        var right = CharClass.Union(parts);
        return left is null ? right : CharClass.Intersection(left, right);
    }

    private CharClass Member()
    {
        if (Skip('['))
        {
            return Brackets();
        }

        if (At('\\') && _at + 1 < _source.Length)
        {
            _at++;
            if (PatternClasses.TryShorthand(_source, ref _at, out var set))
            {
                return set;
            }

            _at--;
        }

        var low = Bound();
        if (!At('-') || _at + 1 >= _source.Length || _source[_at + 1].Value == ']')
        {
            return CharClass.Range(low.Value, low.Value);
        }

        _at++;
        var high = Bound();
        return high >= low ? CharClass.Range(low.Value, high.Value) : throw Error("a range is reversed");
    }

    private Rune Bound() => Skip('\\') ? Escaped() : Take();

    private static PatternNode.One One(CharClass set) => new(set);

    private PatternNode.One Literal(Rune rune)
    {
        var set = CharClass.Range(rune.Value, rune.Value);
        return new(_ignoreCase ? CharClass.IgnoreCase(set) : set);
    }

    private string Slice(int start, int end) =>
        string.Concat(_source[start..end].Select(static rune => rune.ToString()));

    private bool At(char expected) => More && _source[_at].Value == expected;

    private bool Skip(char expected)
    {
        if (!At(expected))
        {
            return false;
        }

        _at++;
        return true;
    }

    private Rune Take() => More ? _source[_at++] : throw Error("it ends too early");

    private FormatException Error(string problem) => new($"{problem} (at character {_at + 1})");
}
