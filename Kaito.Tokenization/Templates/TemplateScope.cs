namespace Kaito.Tokenization.Templates;

/// <summary>The limits of one rendering and what does not change during it.</summary>
internal sealed class TemplateRun
{
    private const int MostSteps = 2_000_000;
    private const int DeepestCall = 100;
    private const int LongestOutput = 16 * 1024 * 1024;

    private int _steps;
    private int _calls;
    private long _output;

    /// <summary>Line of the statement that runs.</summary>
    public int Line { get; set; }

    public void Step()
    {
        if (++_steps > MostSteps)
        {
            throw new TemplateError($"the template takes more than {MostSteps} steps");
        }
    }

    public void Write(TemplateText text)
    {
        _output += text.Value.Length;
        if (_output > LongestOutput)
        {
            throw new TemplateError($"the template writes more than {LongestOutput} characters");
        }
    }

    public void Enter()
    {
        if (++_calls > DeepestCall)
        {
            throw new TemplateError("RecursionError: macros call each other too deeply");
        }
    }

    public void Leave() => _calls--;
}

/// <summary>Variables: a name is looked up outwards and set in the innermost scope.</summary>
internal sealed class TemplateScope(TemplateRun run, TemplateScope? outer)
{
    private readonly Dictionary<string, object?> _variables = new(StringComparer.Ordinal);

    public TemplateRun Run { get; } = run;

    public List<TemplateText> Output { get; private init; } = outer?.Output ?? [];

    public object? this[string name]
    {
        get
        {
            for (var scope = this; scope is not null; scope = scope.Outer)
            {
                if (scope._variables.TryGetValue(name, out var value))
                {
                    return value;
                }
            }

            return Undefined.Name(name);
        }

        set => _variables[name] = value;
    }

    private TemplateScope? Outer { get; } = outer;

    /// <summary>A scope whose output goes where this one's goes.</summary>
    public TemplateScope Nested() => new(Run, this);

    /// <summary>A scope that collects its own output.</summary>
    public TemplateScope Captured() => new(Run, this) { Output = [] };

    public void Write(TemplateText text)
    {
        Run.Write(text);
        Output.Add(text);
    }

    public TemplateText Collected() => TemplateText.Concat(Output);
}
