using System.Globalization;
using System.Text;

namespace Kaito.Tokenization.Templates;

internal enum TemplateTokenKind
{
    Text,
    PrintStart,
    PrintEnd,
    StatementStart,
    StatementEnd,
    Name,
    Literal,
    Symbol,
    End,
}

internal readonly record struct TemplateToken(TemplateTokenKind Kind, string Text, int Line, object? Value = null);

/// <summary>
/// Cuts a template into text and tokens, with the settings that chat templates are written for: the first line break
/// after a statement is dropped, and so is the indentation before one.
/// </summary>
internal sealed class TemplateLexer
{
    private static readonly string[] s_symbols =
    [
        "**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}",
        ".", ",", ":", "|",
    ];

    private readonly string _source;
    private readonly List<TemplateToken> _tokens = [];
    private int _at;
    private int _line = 1;

    private TemplateLexer(string source)
    {
        var normalized = source.ReplaceLineEndings("\n");
        _source = normalized.EndsWith('\n') ? normalized[..^1] : normalized;
    }

    public static List<TemplateToken> Lex(string source)
    {
        var lexer = new TemplateLexer(source);
        lexer.Template();
        return lexer._tokens;
    }

    private void Template()
    {
        var (stripStart, trimLine) = (false, false);
        while (_at < _source.Length)
        {
            var open = NextTag();
            var end = open < 0 ? _source.Length : open;
            AddText(_source[_at..end], open, stripStart, trimLine);
            if (open < 0)
            {
                break;
            }

            MoveTo(open);
            (stripStart, trimLine) = _source[open + 1] switch
            {
                '#' => Comment(),
                '%' => Statement(),
                _ => Print(),
            };
        }

        Add(TemplateTokenKind.End, "");
    }

    private int NextTag()
    {
        for (var at = _at; at + 1 < _source.Length; at++)
        {
            if (_source[at] == '{' && _source[at + 1] is '{' or '%' or '#')
            {
                return at;
            }
        }

        return -1;
    }

    private void AddText(string text, int open, bool stripStart, bool trimLine)
    {
        if (stripStart)
        {
            text = text.TrimStart();
        }
        else if (trimLine && text.StartsWith('\n'))
        {
            text = text[1..];
        }

        var mark = open >= 0 && open + 2 < _source.Length ? _source[open + 2] : ' ';
        if (mark == '-')
        {
            text = text.TrimEnd();
        }
        else if (open >= 0 && mark != '+' && _source[open + 1] != '{')
        {
            text = WithoutIndentation(text, open);
        }

        if (text.Length > 0)
        {
            Add(TemplateTokenKind.Text, text);
        }
    }

    // Only if nothing else stands on the tag's line before it.
    private string WithoutIndentation(string text, int open)
    {
        var start = open;
        while (start > 0 && _source[start - 1] is ' ' or '\t')
        {
            start--;
        }

        return start == 0 || _source[start - 1] == '\n' ? text[..^Math.Min(open - start, text.Length)] : text;
    }

    private (bool Strip, bool Trim) Comment()
    {
        var end = _source.IndexOf("#}", _at + 2, StringComparison.Ordinal);
        if (end < 0)
        {
            throw Error("a comment is not closed");
        }

        var mark = end > _at + 2 ? _source[end - 1] : ' ';
        MoveTo(end + 2);
        return (mark == '-', mark != '+');
    }

    private (bool Strip, bool Trim) Print()
    {
        Add(TemplateTokenKind.PrintStart, "{{");
        MoveTo(_at + 2);
        SkipMark();
        var strip = Tokens("}}");
        Add(TemplateTokenKind.PrintEnd, "}}");
        return (strip == '-', false);
    }

    private (bool Strip, bool Trim) Statement()
    {
        var first = _tokens.Count;
        Add(TemplateTokenKind.StatementStart, "{%");
        MoveTo(_at + 2);
        SkipMark();
        var mark = Tokens("%}");
        if (_tokens.Count == first + 2 && _tokens[^1].Text == "raw")
        {
            _tokens.RemoveRange(first, 2);
            return Raw(mark);
        }

        Add(TemplateTokenKind.StatementEnd, "%}");
        return (mark == '-', mark != '+');
    }

    private (bool Strip, bool Trim) Raw(char mark)
    {
        var at = _at;
        while (true)
        {
            var open = _source.IndexOf("{%", at, StringComparison.Ordinal);
            var close = open < 0 ? -1 : _source.IndexOf("%}", open, StringComparison.Ordinal);
            if (close < 0)
            {
                throw Error("raw is not closed");
            }

            var inner = _source[(open + 2)..close];
            if (inner.Trim('-', '+', ' ', '\n', '\t') == "endraw")
            {
                AddText(_source[_at..open], open, mark == '-', mark != '+');
                MoveTo(close + 2);
                return (inner.EndsWith('-'), !inner.EndsWith('+'));
            }

            at = close;
        }
    }

    private void SkipMark()
    {
        if (_at < _source.Length && _source[_at] is '-' or '+')
        {
            _at++;
        }
    }

    // Returns the mark before the closing tag: '-', '+' or ' '.
    private char Tokens(string close)
    {
        var depth = 0;
        while (true)
        {
            while (_at < _source.Length && char.IsWhiteSpace(_source[_at]))
            {
                MoveTo(_at + 1);
            }

            if (_at >= _source.Length)
            {
                throw Error($"{close} is missing");
            }

            var marked = _source[_at] is '-' or '+' && At(close, _at + 1);
            if (depth == 0 && (marked || At(close, _at)))
            {
                var mark = marked ? _source[_at] : ' ';
                MoveTo(_at + (marked ? 3 : 2));
                return mark;
            }

            depth += Token() switch
            {
                "(" or "[" or "{" => 1,
                ")" or "]" or "}" => -1,
                _ => 0,
            };
        }
    }

    private bool At(string text, int at) => string.CompareOrdinal(_source, at, text, 0, text.Length) == 0;

    private string Token()
    {
        var first = _source[_at];
        if (first is '"' or '\'')
        {
            Add(TemplateTokenKind.Literal, "", TemplateText.Of(Quoted(first)));
            return "";
        }

        if (char.IsAsciiDigit(first))
        {
            Number();
            return "";
        }

        if (char.IsLetter(first) || first == '_')
        {
            var start = _at;
            while (_at < _source.Length && (char.IsLetterOrDigit(_source[_at]) || _source[_at] == '_'))
            {
                _at++;
            }

            Add(TemplateTokenKind.Name, _source[start.._at]);
            return "";
        }

        var symbol = Array.Find(s_symbols, candidate => At(candidate, _at))
            ?? throw Error($"'{first}' is not expected here");
        Add(TemplateTokenKind.Symbol, symbol);
        _at += symbol.Length;
        return symbol;
    }

    private void Number()
    {
        var start = _at;
        while (_at < _source.Length && (char.IsAsciiDigit(_source[_at]) || _source[_at] == '_'))
        {
            _at++;
        }

        var real = _at + 1 < _source.Length && _source[_at] == '.' && char.IsAsciiDigit(_source[_at + 1]);
        if (real)
        {
            _at++;
            SkipDigits();
        }

        real |= TryExponent();
        var text = _source[start.._at].Replace("_", "", StringComparison.Ordinal);
        var value = real ? (object)double.Parse(text, CultureInfo.InvariantCulture)
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var whole) ? whole
            : throw Error("a number is too large");
        Add(TemplateTokenKind.Literal, text, value);
    }

    private bool TryExponent()
    {
        if (_at >= _source.Length || _source[_at] is not ('e' or 'E'))
        {
            return false;
        }

        var digits = _at + 1 < _source.Length && _source[_at + 1] is '+' or '-' ? _at + 2 : _at + 1;
        if (digits >= _source.Length || !char.IsAsciiDigit(_source[digits]))
        {
            return false;
        }

        _at = digits;
        SkipDigits();
        return true;
    }

    private void SkipDigits()
    {
        while (_at < _source.Length && char.IsAsciiDigit(_source[_at]))
        {
            _at++;
        }
    }

    private string Quoted(char quote)
    {
        var text = new StringBuilder();
        for (MoveTo(_at + 1); _at < _source.Length && _source[_at] != quote;)
        {
            if (_source[_at] == '\\' && _at + 1 < _source.Length)
            {
                TemplateEscapes.Append(text, _source, ref _at);
            }
            else
            {
                text.Append(_source[_at]);
                MoveTo(_at + 1);
            }
        }

        if (_at >= _source.Length)
        {
            throw Error("a text is not closed");
        }

        _at++;
        return text.ToString();
    }

    private void MoveTo(int at)
    {
        _line += _source.AsSpan(_at, at - _at).Count('\n');
        _at = at;
    }

    private void Add(TemplateTokenKind kind, string text, object? value = null) =>
        _tokens.Add(new(kind, text, _line, value));

    private ChatTemplateException Error(string problem) => new($"Line {_line} of the chat template: {problem}.", _line);
}
