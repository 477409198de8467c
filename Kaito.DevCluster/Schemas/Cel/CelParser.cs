using System.Text.RegularExpressions;

namespace Kaito.DevCluster.Schemas.Cel;

/// <summary>
/// Reads the part of the Common Expression Language that validation rules of CRDs mostly use: literals, fields, indexes,
/// comparison, logic, <c>in</c>, the conditional, has(), size(), exists(), all() and the string methods.
/// </summary>
/// <remarks>Precedence climbs from the conditional down to members, one method for each level of the language's grammar.</remarks>
internal sealed partial class CelParser
{
    private static readonly HashSet<string> s_methods =
        ["size", "lowerAscii", "startsWith", "endsWith", "contains", "matches"];

    private readonly string[] _tokens;
    private int _next;

    public CelParser(string text)
    {
        var tokens = Token().Matches(text);
        var read = tokens.Sum(static token => token.Length);
        if (read != text.Length)
        {
            throw new FormatException($"\"{text}\" has a character that is not read.");
        }

        _tokens = [.. tokens.Select(static token => token.Value).Where(static token => !string.IsNullOrWhiteSpace(token))];
    }

    /// <exception cref="FormatException">The text is not an expression of the part that is read here.</exception>
    public Func<CelScope, object?> Parse()
    {
        var expression = Conditional();
        return _next == _tokens.Length ? expression : throw new FormatException($"\"{_tokens[_next]}\" is too much.");
    }

    private Func<CelScope, object?> Conditional()
    {
        var condition = Or();
        if (!Take("?"))
        {
            return condition;
        }

        var yes = Conditional();
        Expect(":");
        var no = Conditional();
        return scope => Truth(condition(scope)) ? yes(scope) : no(scope);
    }

    private Func<CelScope, object?> Or()
    {
        var left = And();
        while (Take("||"))
        {
            var (first, second) = (left, And());
            left = scope => Either(first, second, scope, wanted: true);
        }

        return left;
    }

    private Func<CelScope, object?> And()
    {
        var left = Relation();
        while (Take("&&"))
        {
            var (first, second) = (left, Relation());
            left = scope => !Either(first, second, scope, wanted: false);
        }

        return left;
    }

    // As the language has it, an error on one side does not matter when the other side decides.
    private static bool Either(Func<CelScope, object?> first, Func<CelScope, object?> second, CelScope scope, bool wanted)
    {
        try
        {
            if (Truth(first(scope)) == wanted)
            {
                return true;
            }
        }
        catch (CelException) when (Truth(second(scope)) == wanted)
        {
            return true;
        }

        return Truth(second(scope)) == wanted;
    }

    private Func<CelScope, object?> Relation()
    {
        var left = Sum();
        if (Peek() is not ("==" or "!=" or "<" or "<=" or ">" or ">=" or "in"))
        {
            return left;
        }

        var sign = _tokens[_next++];
        var right = Sum();
        return scope => Related(sign, left(scope), right(scope));
    }

    private static bool Related(string sign, object? left, object? right) => sign switch
    {
        "==" => CelValues.Same(left, right),
        "!=" => !CelValues.Same(left, right),
        "in" => CelValues.In(left, right),
        "<" => CelValues.Compare(left, right) < 0,
        "<=" => CelValues.Compare(left, right) <= 0,
        ">" => CelValues.Compare(left, right) > 0,
        _ => CelValues.Compare(left, right) >= 0,
    };

    private Func<CelScope, object?> Sum()
    {
        var left = Unary();
        while (Take("+"))
        {
            var (first, second) = (left, Unary());
            left = scope => (first(scope), second(scope)) switch
            {
                (long a, long b) => a + b,
                (string a, string b) => a + b,
                _ => throw new CelException("+ needs two whole numbers or two texts"),
            };
        }

        return left;
    }

    private Func<CelScope, object?> Unary()
    {
        if (Take("!"))
        {
            var inner = Unary();
            return scope => !Truth(inner(scope));
        }

        return Members(Primary());
    }

    private Func<CelScope, object?> Members(Func<CelScope, object?> owner)
    {
        while (true)
        {
            var inner = owner;
            if (Take("["))
            {
                var index = Conditional();
                Expect("]");
                owner = scope => CelValues.At(inner(scope), index(scope));
            }
            else if (Take("."))
            {
                var name = Name();
                owner = Take("(") ? Method(inner, name) : scope => CelValues.Member(inner(scope), name);
            }
            else
            {
                return owner;
            }
        }
    }

    private Func<CelScope, object?> Method(Func<CelScope, object?> owner, string name)
    {
        if (name is "exists" or "all")
        {
            var variable = Name();
            Expect(",");
            var test = Conditional();
            Expect(")");
            return name == "all"
                ? scope => CelValues.Items(owner(scope)).All(item => Truth(test(scope.With(variable, item))))
                : scope => CelValues.Items(owner(scope)).Any(item => Truth(test(scope.With(variable, item))));
        }

        if (!s_methods.Contains(name))
        {
            throw new FormatException($"{name}() is not read.");
        }

        if (Take(")"))
        {
            return scope => CelValues.Call(name, owner(scope), null);
        }

        var argument = Conditional();
        Expect(")");
        return scope => CelValues.Call(name, owner(scope), argument(scope));
    }

    private Func<CelScope, object?> Primary()
    {
        var token = _next < _tokens.Length ? _tokens[_next++] : throw new FormatException("The expression ends early.");
        if (token == "(")
        {
            var inner = Conditional();
            Expect(")");
            return inner;
        }

        if (token[0] is '\'' or '"')
        {
            var text = Regex.Unescape(token[1..^1]);
            return _ => text;
        }

        if (char.IsAsciiDigit(token[0]) || token[0] == '-')
        {
            var number = CelValues.Number(token);
            return _ => number;
        }

        return token switch
        {
            "true" => static _ => true,
            "false" => static _ => false,
            "null" => static _ => null,
            "has" => Has(),
            "size" => Size(),
            _ when char.IsAsciiLetter(token[0]) && Peek() != "(" => scope => scope.Find(token),
            _ => throw new FormatException($"\"{token}\" is not read."),
        };
    }

    private Func<CelScope, object?> Has()
    {
        Expect("(");
        var member = Members(Primary());
        Expect(")");
        return scope =>
        {
            try
            {
                member(scope);
                return true;
            }
            catch (CelException)
            {
                return false;
            }
        };
    }

    private Func<CelScope, object?> Size()
    {
        Expect("(");
        var inner = Conditional();
        Expect(")");
        return scope => CelValues.Call("size", inner(scope), null);
    }

    private static bool Truth(object? value) => value as bool? ?? throw new CelException("true or false is needed");

    private string? Peek() => _next < _tokens.Length ? _tokens[_next] : null;

    private bool Take(string token)
    {
        if (Peek() != token)
        {
            return false;
        }

        _next++;
        return true;
    }

    private void Expect(string token)
    {
        if (!Take(token))
        {
            throw new FormatException($"{token} is missing before \"{Peek()}\".");
        }
    }

    private string Name() =>
        Peek() is { } token && (char.IsAsciiLetter(token[0]) || token[0] == '_')
            ? _tokens[_next++]
            : throw new FormatException($"A name is missing before \"{Peek()}\".");

    [GeneratedRegex(
        """\s+|[A-Za-z_][A-Za-z0-9_]*|-?[0-9]+(?:\.[0-9]+)?|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|&&|\|\||[=!<>]=|[<>!?:().,\[\]+]""",
        RegexOptions.CultureInvariant)]
    private static partial Regex Token();
}
