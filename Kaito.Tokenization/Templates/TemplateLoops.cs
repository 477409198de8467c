namespace Kaito.Tokenization.Templates;

internal sealed record ForParts(
    TemplateExpression Target,
    TemplateExpression Items,
    TemplateExpression? Condition,
    TemplateStatement Body,
    TemplateStatement? Otherwise);

/// <summary><c>for</c>, with its filter, <c>else</c> and <c>loop</c>.</summary>
internal sealed class ForStatement(ForParts parts, int line) : TemplateStatement(line)
{
    protected override TemplateFlow Execute(TemplateScope scope)
    {
        var items = Kept(scope, TemplateOperators.Items(parts.Items.Evaluate(scope)));
        if (items.Count == 0)
        {
            return parts.Otherwise?.Run(scope) ?? TemplateFlow.Next;
        }

        var changed = new TemplateLoopMemory();
        for (var index = 0; index < items.Count; index++)
        {
            var inner = scope.Nested();
            inner["loop"] = TemplateLoop.At(items, index, changed);
            TemplateAssignment.Assign(inner, parts.Target, items[index]);
            if (parts.Body.Run(inner) == TemplateFlow.Break)
            {
                break;
            }
        }

        return TemplateFlow.Next;
    }

    private List<object?> Kept(TemplateScope scope, List<object?> items)
    {
        if (parts.Condition is null)
        {
            return items;
        }

        var kept = new List<object?>();
        foreach (var item in items)
        {
            var inner = scope.Nested();
            TemplateAssignment.Assign(inner, parts.Target, item);
            if (TemplateOperators.Truth(parts.Condition.Evaluate(inner)))
            {
                kept.Add(item);
            }
        }

        return kept;
    }
}

/// <summary>What <c>loop.changed</c> saw last.</summary>
internal sealed class TemplateLoopMemory
{
    private object? _last;
    private bool _any;

    public bool Changed(object? value)
    {
        var changed = !_any || !TemplateOperators.Same(_last, value);
        (_any, _last) = (true, value);
        return changed;
    }
}

/// <summary>The variable <c>loop</c> of one turn.</summary>
internal static class TemplateLoop
{
    public static TemplateNamespace At(List<object?> items, int index, TemplateLoopMemory memory)
    {
        var loop = new TemplateNamespace();
        var (count, members) = (items.Count, loop.Members);
        members["index"] = index + 1L;
        members["index0"] = (long)index;
        members["revindex"] = (long)(count - index);
        members["revindex0"] = count - index - 1L;
        members["first"] = index == 0;
        members["last"] = index == count - 1;
        members["length"] = (long)count;
        members["previtem"] = index > 0 ? items[index - 1] : Undefined.Name("previtem");
        members["nextitem"] = index + 1 < count ? items[index + 1] : Undefined.Name("nextitem");
        members["cycle"] = (TemplateFunction)(arguments => arguments.Positional.Count == 0
            ? throw new TemplateError("TypeError: no items for cycling given")
            : arguments.Positional[index % arguments.Positional.Count]);
        members["changed"] = (TemplateFunction)(arguments => memory.Changed(new TemplateTuple(arguments.Positional)));
        return loop;
    }
}

internal sealed record MacroParts(
    string Name,
    IReadOnlyList<(string Name, TemplateExpression? Default)> Parameters,
    TemplateStatement Body);

internal sealed class MacroStatement(MacroParts parts, int line) : TemplateStatement(line)
{
    /// <summary>The macro as a value; it sees the variables of the place where it is defined.</summary>
    public static TemplateFunction Bind(TemplateScope scope, MacroParts parts) => arguments =>
    {
        if (arguments.Positional.Count > parts.Parameters.Count)
        {
            throw new TemplateError(
                $"TypeError: macro '{parts.Name}' takes not more than {parts.Parameters.Count} argument(s)");
        }

        scope.Run.Enter();
        var inner = scope.Captured();
        foreach (var name in arguments.Named.Keys)
        {
            inner[name] = arguments.Named[name];
        }

        for (var index = 0; index < parts.Parameters.Count; index++)
        {
            var (name, missing) = parts.Parameters[index];
            inner[name] = arguments.Has(index, name)
                ? arguments.Get(index, name)
                : missing is null ? Undefined.Name(name) : missing.Evaluate(inner);
        }

        parts.Body.Run(inner);
        scope.Run.Leave();
        return inner.Collected();
    };

    protected override TemplateFlow Execute(TemplateScope scope)
    {
        scope[parts.Name] = Bind(scope, parts);
        return TemplateFlow.Next;
    }
}

internal sealed class CallBlockStatement(CallExpression call, MacroParts caller, int line) : TemplateStatement(line)
{
    protected override TemplateFlow Execute(TemplateScope scope)
    {
        scope.Write(TemplatePrinter.Text(call.Call(scope, MacroStatement.Bind(scope, caller))));
        return TemplateFlow.Next;
    }
}
