namespace Kaito.Tokenization.Templates;

/// <summary>A part of a template that has a value.</summary>
internal abstract class TemplateExpression
{
    public abstract object? Evaluate(TemplateScope scope);
}

internal sealed class LiteralExpression(object? value) : TemplateExpression
{
    public object? Value { get; } = value;

    public override object? Evaluate(TemplateScope scope) => Value;
}

internal sealed class NameExpression(string name) : TemplateExpression
{
    public string Name { get; } = name;

    public override object? Evaluate(TemplateScope scope)
    {
        scope.Run.Step();
        return scope[Name];
    }
}

internal sealed class ListExpression(IReadOnlyList<TemplateExpression> items, bool tuple) : TemplateExpression
{
    public IReadOnlyList<TemplateExpression> Items { get; } = items;

    public override object? Evaluate(TemplateScope scope)
    {
        var values = Items.Select(item => item.Evaluate(scope)).ToList();
        return tuple ? new TemplateTuple(values) : values;
    }
}

internal sealed class DictExpression(IReadOnlyList<(TemplateExpression Key, TemplateExpression Value)> entries)
    : TemplateExpression
{
    public override object? Evaluate(TemplateScope scope)
    {
        var dict = new TemplateDict();
        foreach (var (key, value) in entries)
        {
            dict[key.Evaluate(scope)] = value.Evaluate(scope);
        }

        return dict;
    }
}

/// <summary><c>x.name</c>: methods first, then items; <c>x['name']</c>: items first.</summary>
internal sealed class MemberExpression(TemplateExpression target, TemplateExpression key, bool dotted)
    : TemplateExpression
{
    public TemplateExpression Target { get; } = target;

    public TemplateExpression Key { get; } = key;

    public override object? Evaluate(TemplateScope scope)
    {
        var value = Target.Evaluate(scope);
        var name = Key.Evaluate(scope);
        scope.Run.Step();
        return TemplateMembers.Get(value, name, dotted);
    }
}

internal sealed class SliceExpression(
    TemplateExpression target,
    TemplateExpression? start,
    TemplateExpression? end,
    TemplateExpression? step) : TemplateExpression
{
    public override object? Evaluate(TemplateScope scope)
    {
        var value = target.Evaluate(scope);
        TemplateOperators.RefuseUndefined(value);
        return TemplateMembers.Slice(value, start?.Evaluate(scope), end?.Evaluate(scope), step?.Evaluate(scope));
    }
}

internal sealed record ArgumentExpressions(
    IReadOnlyList<TemplateExpression> Positional,
    IReadOnlyList<(string Name, TemplateExpression Value)> Named)
{
    public static ArgumentExpressions None { get; } = new([], []);

    public CallArguments Evaluate(TemplateScope scope) => new(
        [.. Positional.Select(item => item.Evaluate(scope))],
        Named.ToDictionary(static item => item.Name, item => item.Value.Evaluate(scope), StringComparer.Ordinal));
}

internal sealed class CallExpression(TemplateExpression target, ArgumentExpressions arguments) : TemplateExpression
{
    public override object? Evaluate(TemplateScope scope) => Call(scope, null);

    /// <param name="scope">Where the call stands.</param>
    /// <param name="caller">The body of a call block.</param>
    public object? Call(TemplateScope scope, TemplateFunction? caller)
    {
        var function = target.Evaluate(scope);
        TemplateOperators.RefuseUndefined(function);
        scope.Run.Step();
        if (function is not TemplateFunction callable)
        {
            throw new TemplateError($"TypeError: '{TemplateOperators.TypeName(function)}' object is not callable");
        }

        var values = arguments.Evaluate(scope);
        if (caller is not null)
        {
            var named = new Dictionary<string, object?>(values.Named, StringComparer.Ordinal) { ["caller"] = caller };
            values = values with { Named = named };
        }

        return callable(values);
    }
}

internal sealed class FilterExpression(TemplateExpression? input, string name, ArgumentExpressions arguments, int line)
    : TemplateExpression
{
    public override object? Evaluate(TemplateScope scope) => Apply(scope, input!.Evaluate(scope));

    public object? Apply(TemplateScope scope, object? value)
    {
        scope.Run.Step();
        scope.Run.Line = line;
        return TemplateFilters.Apply(name, value, arguments.Evaluate(scope));
    }
}

internal sealed class TestExpression(TemplateExpression input, string name, ArgumentExpressions arguments)
    : TemplateExpression
{
    public override object? Evaluate(TemplateScope scope) =>
        TemplateTests.Holds(name, input.Evaluate(scope), arguments.Evaluate(scope));
}

internal sealed class NotExpression(TemplateExpression inner) : TemplateExpression
{
    public override object? Evaluate(TemplateScope scope) => !TemplateOperators.Truth(inner.Evaluate(scope));
}

internal sealed class LogicExpression(bool and, TemplateExpression left, TemplateExpression right) : TemplateExpression
{
    public override object? Evaluate(TemplateScope scope)
    {
        var value = left.Evaluate(scope);
        return TemplateOperators.Truth(value) == and ? right.Evaluate(scope) : value;
    }
}

internal sealed class ConditionalExpression(
    TemplateExpression condition,
    TemplateExpression then,
    TemplateExpression? otherwise) : TemplateExpression
{
    public override object? Evaluate(TemplateScope scope) => TemplateOperators.Truth(condition.Evaluate(scope))
        ? then.Evaluate(scope)
        : otherwise is null ? new Undefined("the condition is false and there is no else") : otherwise.Evaluate(scope);
}

internal sealed class SignExpression(TemplateExpression inner, bool negative) : TemplateExpression
{
    public override object? Evaluate(TemplateScope scope) =>
        TemplateOperators.Binary("*", inner.Evaluate(scope), negative ? -1L : 1L);
}

internal sealed class BinaryExpression(string symbol, TemplateExpression left, TemplateExpression right)
    : TemplateExpression
{
    public override object? Evaluate(TemplateScope scope)
    {
        scope.Run.Step();
        return TemplateOperators.Binary(symbol, left.Evaluate(scope), right.Evaluate(scope));
    }
}

internal sealed class ConcatExpression(IReadOnlyList<TemplateExpression> parts) : TemplateExpression
{
    public override object? Evaluate(TemplateScope scope)
    {
        scope.Run.Step();
        return TemplateText.Concat([.. parts.Select(part => TemplatePrinter.Text(part.Evaluate(scope)))]);
    }
}

internal sealed class CompareExpression(
    TemplateExpression first,
    IReadOnlyList<(string Symbol, TemplateExpression Right)> rest) : TemplateExpression
{
    public override object? Evaluate(TemplateScope scope)
    {
        scope.Run.Step();
        var left = first.Evaluate(scope);
        foreach (var (symbol, expression) in rest)
        {
            var right = expression.Evaluate(scope);
            if (!Holds(symbol, left, right))
            {
                return false;
            }

            left = right;
        }

        return true;
    }

    private static bool Holds(string symbol, object? left, object? right) => symbol switch
    {
        "==" => TemplateOperators.Same(left, right),
        "!=" => !TemplateOperators.Same(left, right),
        "in" => TemplateOperators.Contains(right, left),
        "not in" => !TemplateOperators.Contains(right, left),
        "<" => TemplateOperators.Compare(left, right) < 0,
        "<=" => TemplateOperators.Compare(left, right) <= 0,
        ">" => TemplateOperators.Compare(left, right) > 0,
        _ => TemplateOperators.Compare(left, right) >= 0,
    };
}
