namespace Kaito.Tokenization.Templates;

/// <summary>Parses expressions, loosest binding first.</summary>
internal sealed class ExpressionParser(TemplateTokens tokens)
{
    private static readonly string[] s_comparisons = ["==", "!=", "<", "<=", ">", ">="];
    private static readonly string[] s_endsOfArgument = ["and", "or", "else", "if", "is", "not", "in"];

    /// <summary>An expression; several with commas are a tuple.</summary>
    public TemplateExpression Tuple()
    {
        var first = Expression();
        if (!tokens.At(","))
        {
            return first;
        }

        var items = new List<TemplateExpression> { first };
        while (tokens.Skip(",") && StartsExpression())
        {
            items.Add(Expression());
        }

        return new ListExpression(items, tuple: true);
    }

    public TemplateExpression Expression()
    {
        tokens.Enter();
        var value = Or();
        while (tokens.SkipName("if"))
        {
            var condition = Or();
            value = new ConditionalExpression(condition, value, tokens.SkipName("else") ? Expression() : null);
        }

        tokens.Leave();
        return value;
    }

    /// <summary>An expression in which <c>if</c> does not belong to it.</summary>
    public TemplateExpression Or()
    {
        var left = And();
        while (tokens.SkipName("or"))
        {
            left = new LogicExpression(false, left, And());
        }

        return left;
    }

    /// <summary>Names that are assigned, with commas between several.</summary>
    public TemplateExpression Target()
    {
        var items = new List<TemplateExpression>();
        do
        {
            items.Add(tokens.Skip("(") ? Closed() : new NameExpression(tokens.Name()));
        }
        while (tokens.Skip(","));

        if (items is [NameExpression name] && tokens.Skip("."))
        {
            return new MemberExpression(name, new LiteralExpression(TemplateText.Of(tokens.Name())), dotted: true);
        }

        return items.Count == 1 ? items[0] : new ListExpression(items, tuple: true);

        TemplateExpression Closed()
        {
            var inner = Target();
            tokens.Expect(")");
            return inner;
        }
    }

    /// <summary>The filters of a filter block, after its name.</summary>
    public List<FilterExpression> Filters(bool first)
    {
        var filters = new List<FilterExpression>();
        while (first || tokens.Skip("|"))
        {
            filters.Add(Filter(null));
            first = false;
        }

        return filters;
    }

    public ArgumentExpressions Arguments()
    {
        var positional = new List<TemplateExpression>();
        var named = new List<(string, TemplateExpression)>();
        List(")", () =>
        {
            if (tokens.Current.Kind == TemplateTokenKind.Name
                && tokens.Following is { Kind: TemplateTokenKind.Symbol, Text: "=" })
            {
                var name = tokens.Name();
                tokens.Expect("=");
                named.Add((name, Expression()));
            }
            else
            {
                positional.Add(Expression());
            }

            return true;
        });
        return new(positional, named);
    }

    private bool StartsExpression() => tokens.Current.Kind is TemplateTokenKind.Name or TemplateTokenKind.Literal
        || tokens.At("(") || tokens.At("[") || tokens.At("{") || tokens.At("-") || tokens.At("+");

    private TemplateExpression And()
    {
        var left = Not();
        while (tokens.SkipName("and"))
        {
            left = new LogicExpression(true, left, Not());
        }

        return left;
    }

    private TemplateExpression Not()
    {
        if (!tokens.SkipName("not"))
        {
            return Compare();
        }

        tokens.Enter();
        var inner = Not();
        tokens.Leave();
        return new NotExpression(inner);
    }

    private TemplateExpression Compare()
    {
        var first = Sum();
        var rest = new List<(string, TemplateExpression)>();
        while (Comparison() is { } symbol)
        {
            rest.Add((symbol, Sum()));
        }

        return rest.Count == 0 ? first : new CompareExpression(first, rest);
    }

    private string? Comparison()
    {
        if (tokens.Current.Kind == TemplateTokenKind.Symbol && s_comparisons.Contains(tokens.Current.Text))
        {
            return tokens.Take().Text;
        }

        if (tokens.SkipName("in"))
        {
            return "in";
        }

        if (!tokens.AtName("not") || tokens.Following.Text != "in")
        {
            return null;
        }

        tokens.Take();
        tokens.Take();
        return "not in";
    }

    private TemplateExpression Sum()
    {
        var left = Concat();
        while (tokens.At("+") || tokens.At("-"))
        {
            left = new BinaryExpression(tokens.Take().Text, left, Concat());
        }

        return left;
    }

    private TemplateExpression Concat()
    {
        var parts = new List<TemplateExpression> { Product() };
        while (tokens.Skip("~"))
        {
            parts.Add(Product());
        }

        return parts.Count == 1 ? parts[0] : new ConcatExpression(parts);
    }

    private TemplateExpression Product()
    {
        var left = Power();
        while (tokens.At("*") || tokens.At("/") || tokens.At("//") || tokens.At("%"))
        {
            left = new BinaryExpression(tokens.Take().Text, left, Power());
        }

        return left;
    }

    private TemplateExpression Power()
    {
        var left = Unary(filters: true);
        while (tokens.At("**"))
        {
            left = new BinaryExpression(tokens.Take().Text, left, Unary(filters: true));
        }

        return left;
    }

    private TemplateExpression Unary(bool filters)
    {
        tokens.Enter();
        var value = tokens.At("-") || tokens.At("+")
            ? new SignExpression(negative: tokens.Take().Text == "-", inner: Unary(filters: false))
            : Postfix(Primary());
        tokens.Leave();
        return filters ? FiltersAndTests(value) : value;
    }

    private TemplateExpression FiltersAndTests(TemplateExpression value)
    {
        while (true)
        {
            if (tokens.Skip("|"))
            {
                value = Filter(value);
            }
            else if (tokens.SkipName("is"))
            {
                value = Test(value);
            }
            else if (tokens.At("("))
            {
                value = Postfix(value);
            }
            else
            {
                return value;
            }
        }
    }

    private FilterExpression Filter(TemplateExpression? input)
    {
        var line = tokens.Current.Line;
        var name = tokens.Name();
        while (tokens.Skip("."))
        {
            name += "." + tokens.Name();
        }

        return new(input, name, tokens.Skip("(") ? Arguments() : ArgumentExpressions.None, line);
    }

    private TemplateExpression Test(TemplateExpression input)
    {
        var negated = tokens.SkipName("not");
        var name = tokens.Name();
        var arguments = tokens.Skip("(") ? Arguments()
            : StartsTestArgument() ? new([Postfix(Primary())], [])
            : ArgumentExpressions.None;
        var test = new TestExpression(input, name, arguments);
        return negated ? new NotExpression(test) : test;
    }

    private bool StartsTestArgument() => tokens.Current.Kind switch
    {
        TemplateTokenKind.Literal => true,
        TemplateTokenKind.Name => !s_endsOfArgument.Contains(tokens.Current.Text),
        _ => tokens.At("[") || tokens.At("{"),
    };

    private TemplateExpression Postfix(TemplateExpression value)
    {
        while (true)
        {
            if (tokens.Skip("."))
            {
                var key = tokens.Current.Kind == TemplateTokenKind.Literal
                    ? tokens.Take().Value
                    : TemplateText.Of(tokens.Name());
                value = new MemberExpression(value, new LiteralExpression(key), dotted: key is TemplateText);
            }
            else if (tokens.Skip("["))
            {
                value = Subscript(value);
            }
            else if (tokens.Skip("("))
            {
                value = new CallExpression(value, Arguments());
            }
            else
            {
                return value;
            }
        }
    }

    private TemplateExpression Subscript(TemplateExpression value)
    {
        var start = tokens.At(":") ? null : Tuple();
        if (tokens.Skip("]"))
        {
            return new MemberExpression(value, start!, dotted: false);
        }

        tokens.Expect(":");
        var end = tokens.At(":") || tokens.At("]") ? null : Expression();
        var step = tokens.Skip(":") && !tokens.At("]") ? Expression() : null;
        tokens.Expect("]");
        return new SliceExpression(value, start, end, step);
    }

    private TemplateExpression Primary()
    {
        if (tokens.Current.Kind == TemplateTokenKind.Literal)
        {
            return Literal();
        }

        if (tokens.Skip("("))
        {
            if (tokens.Skip(")"))
            {
                return new ListExpression([], tuple: true);
            }

            var inner = Tuple();
            tokens.Expect(")");
            return inner;
        }

        if (tokens.Skip("["))
        {
            return new ListExpression(List("]", Expression), tuple: false);
        }

        return tokens.Skip("{") ? new DictExpression(List("}", Entry)) : Word();
    }

    private LiteralExpression Literal()
    {
        var value = tokens.Take().Value;
        while (value is TemplateText text && tokens.Current.Value is TemplateText next)
        {
            value = TemplateText.Of(text.Value + next.Value);
            tokens.Take();
        }

        return new(value);
    }

    private TemplateExpression Word() => tokens.Name() switch
    {
        "true" or "True" => new LiteralExpression(true),
        "false" or "False" => new LiteralExpression(false),
        "none" or "None" => new LiteralExpression(null),
        var name => new NameExpression(name),
    };

    private (TemplateExpression Key, TemplateExpression Value) Entry()
    {
        var key = Expression();
        tokens.Expect(":");
        return (key, Expression());
    }

    private List<T> List<T>(string close, Func<T> item)
    {
        var items = new List<T>();
        while (!tokens.Skip(close))
        {
            if (items.Count > 0)
            {
                tokens.Expect(",");
                if (tokens.Skip(close))
                {
                    break;
                }
            }

            items.Add(item());
        }

        return items;
    }
}
