namespace Kaito.Tokenization.Templates;

/// <summary>The tests after <c>is</c>.</summary>
internal static class TemplateTests
{
    private static readonly Dictionary<string, Func<object?, CallArguments, bool>> s_tests = new(StringComparer.Ordinal)
    {
        ["defined"] = static (value, _) => value is not Undefined,
        ["undefined"] = static (value, _) => value is Undefined,
        ["none"] = static (value, _) => value is null,
        ["string"] = static (value, _) => value is TemplateText,
        ["mapping"] = static (value, _) => value is TemplateDict,
        ["iterable"] = static (value, _) => value is TemplateText or List<object?> or TemplateDict or Undefined,
        ["sequence"] = static (value, _) => value is TemplateText or List<object?> or TemplateDict or Undefined,
        ["boolean"] = static (value, _) => value is bool,
        ["true"] = static (value, _) => value is true,
        ["false"] = static (value, _) => value is false,
        ["number"] = static (value, _) => TemplateOperators.IsNumber(value),
        ["integer"] = static (value, _) => value is long,
        ["float"] = static (value, _) => value is double,
        ["callable"] = static (value, _) => value is TemplateFunction,
        ["odd"] = static (value, _) => TemplateOperators.Whole(value) % 2 != 0,
        ["even"] = static (value, _) => TemplateOperators.Whole(value) % 2 == 0,
        ["divisibleby"] = static (value, arguments) =>
            TemplateArithmetic.Apply(
                "%", TemplateOperators.Whole(value), TemplateOperators.Whole(First(arguments))) is 0L,
        ["in"] = static (value, arguments) => TemplateOperators.Contains(First(arguments), value),
        ["sameas"] = static (value, arguments) => ReferenceEquals(value, First(arguments))
            || (value?.GetType() == First(arguments)?.GetType() && TemplateOperators.Same(value, First(arguments))),
        ["lower"] = static (value, _) => value is TemplateText text && text.Value.Any(char.IsLower)
            && !text.Value.Any(char.IsUpper),
        ["upper"] = static (value, _) => value is TemplateText text && text.Value.Any(char.IsUpper)
            && !text.Value.Any(char.IsLower),
        ["eq"] = static (value, arguments) => TemplateOperators.Same(value, First(arguments)),
        ["ne"] = static (value, arguments) => !TemplateOperators.Same(value, First(arguments)),
        ["lt"] = static (value, arguments) => TemplateOperators.Compare(value, First(arguments)) < 0,
        ["le"] = static (value, arguments) => TemplateOperators.Compare(value, First(arguments)) <= 0,
        ["gt"] = static (value, arguments) => TemplateOperators.Compare(value, First(arguments)) > 0,
        ["ge"] = static (value, arguments) => TemplateOperators.Compare(value, First(arguments)) >= 0,
    };

    private static readonly Dictionary<string, string> s_synonyms = new(StringComparer.Ordinal)
    {
        ["equalto"] = "eq",
        ["=="] = "eq",
        ["!="] = "ne",
        ["<"] = "lt",
        ["<="] = "le",
        [">"] = "gt",
        [">="] = "ge",
        ["lessthan"] = "lt",
        ["greaterthan"] = "gt",
    };

    public static bool Holds(string name, object? value, CallArguments arguments) =>
        s_tests.TryGetValue(s_synonyms.GetValueOrDefault(name, name), out var test)
            ? test(value, arguments)
            : throw new TemplateError($"TemplateRuntimeError: No test named '{name}'.");

    private static object? First(CallArguments arguments) => arguments.Get(0, "other");
}
