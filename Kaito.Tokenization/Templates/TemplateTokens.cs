namespace Kaito.Tokenization.Templates;

/// <summary>A position in the tokens of a template.</summary>
internal sealed class TemplateTokens(IReadOnlyList<TemplateToken> tokens)
{
    /// <summary>Nesting of expressions and blocks; deeper templates are refused.</summary>
    private const int Deepest = 200;

    private int _at;
    private int _depth;

    public TemplateToken Current => tokens[_at];

    public TemplateToken Following => tokens[Math.Min(_at + 1, tokens.Count - 1)];

    public TemplateToken Take() => tokens[_at < tokens.Count - 1 ? _at++ : _at];

    public bool At(string symbol) => Current.Kind == TemplateTokenKind.Symbol && Current.Text == symbol;

    public bool AtName(string name) => Current.Kind == TemplateTokenKind.Name && Current.Text == name;

    public bool Skip(string symbol) => At(symbol) && Take() is var _;

    public bool SkipName(string name) => AtName(name) && Take() is var _;

    public void Expect(string symbol)
    {
        if (!Skip(symbol))
        {
            throw Error($"'{symbol}' is expected, not '{Current.Text}'");
        }
    }

    public void ExpectName(string name)
    {
        if (!SkipName(name))
        {
            throw Error($"'{name}' is expected, not '{Current.Text}'");
        }
    }

    public void Expect(TemplateTokenKind kind)
    {
        if (Take() is var token && token.Kind != kind)
        {
            throw Error($"'{token.Text}' is not expected here");
        }
    }

    public string Name() => Current.Kind == TemplateTokenKind.Name
        ? Take().Text
        : throw Error($"a name is expected, not '{Current.Text}'");

    public void Enter()
    {
        if (++_depth > Deepest)
        {
            throw Error("it is nested too deeply");
        }
    }

    public void Leave() => _depth--;

    public ChatTemplateException Error(string problem) =>
        new($"Line {Current.Line} of the chat template: {problem}.", Current.Line);
}
