using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Kaito.Tokenization;

/// <summary>What a chat template is rendered from.</summary>
public sealed record ChatTemplateInput
{
    /// <summary>
    /// The conversation, oldest first: objects with <c>role</c>, <c>content</c> (text, parts or null) and further
    /// members such as <c>tool_calls</c>, whose arguments templates expect as objects, not as JSON text.
    /// </summary>
    public required JsonArray Messages { get; init; }

    /// <summary>Tool definitions in the form of the OpenAI protocol; null when there are none.</summary>
    public JsonArray? Tools { get; init; }

    /// <summary>Ends the prompt with the opening of the assistant's turn.</summary>
    public bool AddGenerationPrompt { get; init; }

    /// <summary>
    /// <c>bos_token</c>, <c>eos_token</c> and so on, from <see cref="Tokenizer.SpecialTokens"/>. Missing ones print
    /// nothing.
    /// </summary>
    public IReadOnlyDictionary<string, string> SpecialTokens { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>
    /// Further variables of the request, such as <c>enable_thinking</c>. They replace variables of the same name and
    /// count as untrusted.
    /// </summary>
    public JsonObject? Variables { get; init; }

    /// <summary>The date that templates print; null refuses templates that ask for it.</summary>
    public DateTimeOffset? Now { get; init; }
}
