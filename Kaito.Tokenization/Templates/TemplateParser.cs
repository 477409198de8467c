namespace Kaito.Tokenization.Templates;

/// <summary>Parses the statements of a template.</summary>
internal sealed class TemplateParser
{
    private readonly TemplateTokens _tokens;
    private readonly ExpressionParser _expressions;
    private int _loops;

    private TemplateParser(TemplateTokens tokens)
    {
        _tokens = tokens;
        _expressions = new(tokens);
    }

    public static TemplateStatement Parse(string source)
    {
        var parser = new TemplateParser(new(TemplateLexer.Lex(source)));
        var body = parser.Body();
        return parser._tokens.Current.Kind == TemplateTokenKind.End
            ? body
            : throw parser._tokens.Error($"'{parser._tokens.Following.Text}' has no beginning");
    }

    // Up to a statement whose name is one of the ends, with the start of the statement taken.
    private BlockStatement Body(params string[] ends)
    {
        _tokens.Enter();
        var line = _tokens.Current.Line;
        var statements = new List<TemplateStatement>();
        while (_tokens.Current.Kind != TemplateTokenKind.End)
        {
            var token = _tokens.Take();
            if (token.Kind == TemplateTokenKind.Text)
            {
                statements.Add(new TextStatement(TemplateText.Of(token.Text), token.Line));
            }
            else if (token.Kind == TemplateTokenKind.PrintStart)
            {
                statements.Add(new PrintStatement(_expressions.Tuple(), token.Line));
                _tokens.Expect(TemplateTokenKind.PrintEnd);
            }
            else if (ends.Contains(_tokens.Current.Text))
            {
                _tokens.Leave();
                return new(statements, line);
            }
            else
            {
                statements.Add(Statement(token.Line));
            }
        }

        _tokens.Leave();
        return ends.Length == 0 ? new(statements, line) : throw _tokens.Error($"'{ends[^1]}' is missing");
    }

    private TemplateStatement Statement(int line)
    {
        var name = _tokens.Name();
        return name switch
        {
            "if" => If(line),
            "for" => For(line),
            "set" => Set(line),
            "macro" => new MacroStatement(Macro(), line),
            "call" => Call(line),
            "with" => With(line),
            "filter" => Filter(line),
            "generation" => Generation(),
            "break" => Flow(TemplateFlow.Break, line),
            "continue" => Flow(TemplateFlow.Continue, line),
            _ => throw _tokens.Error($"the statement '{name}' is not supported"),
        };
    }

    private void End() => _tokens.Expect(TemplateTokenKind.StatementEnd);

    private void End(string name)
    {
        _tokens.ExpectName(name);
        End();
    }

    private IfStatement If(int line)
    {
        var branches = new List<(TemplateExpression?, TemplateStatement)>();
        var condition = FirstCondition();
        while (true)
        {
            End();
            branches.Add((condition, condition is null ? Body("endif") : Body("elif", "else", "endif")));
            if (_tokens.SkipName("elif"))
            {
                condition = _expressions.Tuple();
            }
            else if (_tokens.SkipName("else"))
            {
                condition = null;
            }
            else
            {
                End("endif");
                return new(branches, line);
            }
        }
    }

    private TemplateExpression? FirstCondition() => _expressions.Tuple();

    private ForStatement For(int line)
    {
        var target = _expressions.Target();
        _tokens.ExpectName("in");
        var items = _expressions.Or();
        var condition = _tokens.SkipName("if") ? _expressions.Expression() : null;
        if (_tokens.AtName("recursive"))
        {
            throw _tokens.Error("recursive loops are not supported");
        }

        End();
        _loops++;
        var body = Body("else", "endfor");
        _loops--;
        TemplateStatement? otherwise = null;
        if (_tokens.SkipName("else"))
        {
            End();
            otherwise = Body("endfor");
        }

        End("endfor");
        return new(new(target, items, condition, body, otherwise), line);
    }

    private TemplateStatement Set(int line)
    {
        var target = _expressions.Target();
        if (_tokens.Skip("="))
        {
            var value = _expressions.Tuple();
            End();
            return new SetStatement(target, value, line);
        }

        var filters = _expressions.Filters(first: false);
        End();
        var body = Body("endset");
        End("endset");
        return new SetBlockStatement(target, body, filters, line);
    }

    private MacroParts Macro()
    {
        var name = _tokens.Name();
        _tokens.Expect("(");
        var parameters = Parameters();
        End();
        var body = Body("endmacro");
        End("endmacro");
        return new(name, parameters, body);
    }

    private List<(string Name, TemplateExpression? Default)> Parameters()
    {
        var parameters = new List<(string, TemplateExpression?)>();
        while (!_tokens.Skip(")"))
        {
            if (parameters.Count > 0)
            {
                _tokens.Expect(",");
            }

            var name = _tokens.Name();
            parameters.Add((name, _tokens.Skip("=") ? _expressions.Expression() : null));
        }

        return parameters;
    }

    private CallBlockStatement Call(int line)
    {
        var parameters = _tokens.Skip("(") ? Parameters() : [];
        if (_expressions.Expression() is not CallExpression call)
        {
            throw _tokens.Error("a call is expected");
        }

        End();
        var body = Body("endcall");
        End("endcall");
        return new(call, new("caller", parameters, body), line);
    }

    private WithStatement With(int line)
    {
        var variables = new List<(TemplateExpression, TemplateExpression)>();
        while (_tokens.Current.Kind == TemplateTokenKind.Name)
        {
            var name = new NameExpression(_tokens.Name());
            _tokens.Expect("=");
            variables.Add((name, _expressions.Expression()));
            _tokens.Skip(",");
        }

        End();
        var body = Body("endwith");
        End("endwith");
        return new(variables, body, line);
    }

    private FilterBlockStatement Filter(int line)
    {
        var filters = _expressions.Filters(first: true);
        End();
        var body = Body("endfilter");
        End("endfilter");
        return new(body, filters, line);
    }

    private BlockStatement Generation()
    {
        End();
        var body = Body("endgeneration");
        End("endgeneration");
        return body;
    }

    private FlowStatement Flow(TemplateFlow flow, int line)
    {
        if (_loops == 0)
        {
            throw _tokens.Error("break and continue belong into a loop");
        }

        End();
        return new(flow, line);
    }
}
