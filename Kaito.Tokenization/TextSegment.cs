namespace Kaito.Tokenization;

/// <summary>A run of a prompt with one origin.</summary>
/// <param name="Text">The characters; segments joined in order are the prompt.</param>
/// <param name="Trusted">
/// True for what the template's author wrote, in which special tokens are parsed; false for what came in with a
/// request, in which they are ordinary characters.
/// </param>
public readonly record struct TextSegment(string Text, bool Trusted);
