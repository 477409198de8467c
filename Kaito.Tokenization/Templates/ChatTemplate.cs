using Kaito.Tokenization.Loading;
using Kaito.Tokenization.Templates;

namespace Kaito.Tokenization;

/// <summary>
/// A model's chat template: turns a conversation into the text of its prompt. The template runs without access to
/// anything but its input, within fixed limits of steps, nesting and output. Immutable and thread-safe.
/// </summary>
/// <seealso href="https://jinja.palletsprojects.com/en/stable/templates/">The language.</seealso>
public sealed class ChatTemplate
{
    private const string TemplateFile = "chat_template.jinja";
    private const string ConfigurationFile = "tokenizer_config.json";

    private readonly TemplateStatement _body;

    private ChatTemplate(TemplateStatement body, string source) => (_body, Source) = (body, source);

    /// <summary>As it was written.</summary>
    public string Source { get; }

    /// <summary>Parses the source of a template.</summary>
    /// <exception cref="ChatTemplateException">The source is malformed or needs something unsupported.</exception>
    public static ChatTemplate Parse(string source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return new(TemplateParser.Parse(source), source);
    }

    /// <summary>Reads chat_template.jinja or, failing that, <c>chat_template</c> of tokenizer_config.json.</summary>
    /// <param name="folder">The model folder.</param>
    /// <returns>Null when the folder has no template.</returns>
    /// <exception cref="ChatTemplateException">The template is malformed.</exception>
    /// <exception cref="TokenizerException">tokenizer_config.json is malformed.</exception>
    public static ChatTemplate? Load(string folder)
    {
        var path = Path.Combine(folder, TemplateFile);
        if (File.Exists(path))
        {
            return Parse(File.ReadAllText(path));
        }

        var field = TokenizerFolder.ReadOptional(folder, ConfigurationFile)["chat_template"];
        if (field.IsNull || field.IsText)
        {
            return field.IsNull ? null : Parse(field.Text());
        }

        // [{"name": "default", "template": "…"}, …]
        var entry = field.Items().FirstOrDefault(static item => item["name"].Text() == "default");
        return entry.IsNull ? throw field.Invalid("no template is named 'default'") : Parse(entry["template"].Text());
    }

    /// <summary>The prompt of a conversation.</summary>
    /// <exception cref="ChatTemplateException">The template failed or refused the conversation.</exception>
    public string Render(ChatTemplateInput input) =>
        string.Concat(RenderSegments(input).Select(static segment => segment.Text));

    /// <summary>
    /// The prompt of a conversation, with every character that came from the request marked as untrusted, for
    /// <see cref="Tokenizer.Encode(IReadOnlyList{TextSegment}, bool)"/>.
    /// </summary>
    /// <exception cref="ChatTemplateException">The template failed or refused the conversation.</exception>
    public IReadOnlyList<TextSegment> RenderSegments(ChatTemplateInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var run = new TemplateRun();
        try
        {
            var scope = new TemplateScope(run, null);
            Define(scope, input);
            _body.Run(scope);
            return scope.Collected().Segments;
        }
        catch (TemplateError e) when (e.Refused)
        {
            throw new ChatTemplateException(e.Message, run.Line) { Refused = true };
        }
        catch (TemplateError e)
        {
            throw new ChatTemplateException($"{e.Message} (line {run.Line} of the chat template)", run.Line);
        }
    }

    private static void Define(TemplateScope scope, ChatTemplateInput input)
    {
        TemplateGlobals.Define(scope, input.Now);
        scope["messages"] = TemplateInputValues.Messages(input.Messages);
        scope["tools"] = TemplateInputValues.From(input.Tools);
        scope["documents"] = null;
        scope["add_generation_prompt"] = input.AddGenerationPrompt;
        foreach (var (name, spelling) in input.SpecialTokens)
        {
            scope[name] = TemplateText.Of(spelling);
        }

        foreach (var (name, value) in input.Variables ?? [])
        {
            scope[name] = TemplateInputValues.From(value);
        }
    }
}
