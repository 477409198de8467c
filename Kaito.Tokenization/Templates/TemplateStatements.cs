namespace Kaito.Tokenization.Templates;

/// <summary>What a statement asks the loop around it to do.</summary>
internal enum TemplateFlow
{
    Next,
    Continue,
    Break,
}

/// <summary>A part of a template that runs.</summary>
internal abstract class TemplateStatement(int line)
{
    public TemplateFlow Run(TemplateScope scope)
    {
        scope.Run.Step();
        scope.Run.Line = line;
        return Execute(scope);
    }

    protected abstract TemplateFlow Execute(TemplateScope scope);
}

internal sealed class TextStatement(TemplateText text, int line) : TemplateStatement(line)
{
    protected override TemplateFlow Execute(TemplateScope scope)
    {
        scope.Write(text);
        return TemplateFlow.Next;
    }
}

internal sealed class PrintStatement(TemplateExpression expression, int line) : TemplateStatement(line)
{
    protected override TemplateFlow Execute(TemplateScope scope)
    {
        scope.Write(TemplatePrinter.Text(expression.Evaluate(scope)));
        return TemplateFlow.Next;
    }
}

internal sealed class FlowStatement(TemplateFlow flow, int line) : TemplateStatement(line)
{
    protected override TemplateFlow Execute(TemplateScope scope) => flow;
}

internal sealed class BlockStatement(IReadOnlyList<TemplateStatement> body, int line, bool scoped = false)
    : TemplateStatement(line)
{
    protected override TemplateFlow Execute(TemplateScope scope)
    {
        var inner = scoped ? scope.Nested() : scope;
        foreach (var statement in body)
        {
            if (statement.Run(inner) is not TemplateFlow.Next and var flow)
            {
                return flow;
            }
        }

        return TemplateFlow.Next;
    }
}

internal sealed class IfStatement(
    IReadOnlyList<(TemplateExpression? Condition, TemplateStatement Body)> branches,
    int line) : TemplateStatement(line)
{
    protected override TemplateFlow Execute(TemplateScope scope)
    {
        foreach (var (condition, body) in branches)
        {
            if (condition is null || TemplateOperators.Truth(condition.Evaluate(scope)))
            {
                return body.Run(scope);
            }
        }

        return TemplateFlow.Next;
    }
}

/// <param name="targets">Names, or one member of a namespace, or a block's name.</param>
/// <param name="value">What is assigned.</param>
/// <param name="line">Where it stands.</param>
internal sealed class SetStatement(TemplateExpression targets, TemplateExpression value, int line)
    : TemplateStatement(line)
{
    protected override TemplateFlow Execute(TemplateScope scope)
    {
        TemplateAssignment.Assign(scope, targets, value.Evaluate(scope));
        return TemplateFlow.Next;
    }
}

internal sealed class SetBlockStatement(
    TemplateExpression target,
    TemplateStatement body,
    IReadOnlyList<FilterExpression> filters,
    int line) : TemplateStatement(line)
{
    protected override TemplateFlow Execute(TemplateScope scope)
    {
        var inner = scope.Captured();
        body.Run(inner);
        object? value = inner.Collected();
        foreach (var filter in filters)
        {
            value = filter.Apply(scope, value);
        }

        TemplateAssignment.Assign(scope, target, value);
        return TemplateFlow.Next;
    }
}

internal sealed class FilterBlockStatement(TemplateStatement body, IReadOnlyList<FilterExpression> filters, int line)
    : TemplateStatement(line)
{
    protected override TemplateFlow Execute(TemplateScope scope)
    {
        var inner = scope.Captured();
        body.Run(inner);
        object? value = inner.Collected();
        foreach (var filter in filters)
        {
            value = filter.Apply(scope, value);
        }

        scope.Write(TemplatePrinter.Text(value));
        return TemplateFlow.Next;
    }
}

internal sealed class WithStatement(
    IReadOnlyList<(TemplateExpression Target, TemplateExpression Value)> variables,
    TemplateStatement body,
    int line) : TemplateStatement(line)
{
    protected override TemplateFlow Execute(TemplateScope scope)
    {
        var inner = scope.Nested();
        foreach (var (target, value) in variables)
        {
            TemplateAssignment.Assign(inner, target, value.Evaluate(scope));
        }

        return body.Run(inner);
    }
}

internal static class TemplateAssignment
{
    public static void Assign(TemplateScope scope, TemplateExpression target, object? value)
    {
        switch (target)
        {
            case NameExpression name:
                scope[name.Name] = value;
                break;
            case ListExpression list:
                var items = TemplateOperators.Items(value);
                if (items.Count != list.Items.Count)
                {
                    throw new TemplateError($"ValueError: {list.Items.Count} values expected, got {items.Count}");
                }

                for (var index = 0; index < items.Count; index++)
                {
                    Assign(scope, list.Items[index], items[index]);
                }

                break;
            case MemberExpression { Key: LiteralExpression { Value: TemplateText key } } member
                when member.Target.Evaluate(scope) is TemplateNamespace space:
                space.Members[key.Value] = value;
                break;
            default:
                throw new TemplateError("only members of a namespace can be assigned");
        }
    }
}
