namespace Kaito.Tokenization;

/// <summary>A model's chat template: turns a conversation into the text of its prompt.</summary>
public sealed class ChatTemplate
{
    private readonly string _source;

    private ChatTemplate(string source) => _source = source;

    /// <summary>Parses the source of a template.</summary>
    /// <exception cref="ChatTemplateException">The source is malformed or needs something unsupported.</exception>
    public static ChatTemplate Parse(string source) => new(source);

    /// <summary>Reads chat_template.jinja or, failing that, <c>chat_template</c> of tokenizer_config.json.</summary>
    /// <returns>Null when the folder has no template.</returns>
    public static ChatTemplate? Load(string folder) =>
        File.Exists(Path.Combine(folder, "chat_template.jinja"))
            ? Parse(File.ReadAllText(Path.Combine(folder, "chat_template.jinja")))
            : null;

    /// <summary>The prompt of a conversation.</summary>
    public string Render(ChatTemplateInput input) =>
        string.Concat(RenderSegments(input).Select(static segment => segment.Text));

    /// <summary>The prompt of a conversation with what came from the request marked as untrusted.</summary>
    public IReadOnlyList<TextSegment> RenderSegments(ChatTemplateInput input) =>
        throw new ChatTemplateException($"Templates are not rendered yet ({_source.Length} characters).");
}
