namespace Kaito.Tokenization.PreTokenization;

/// <summary>A run of text on its way to the model.</summary>
/// <param name="Text">The characters.</param>
/// <param name="AtTextStart">True when it begins where the caller's text begins.</param>
internal readonly record struct Piece(ReadOnlyMemory<char> Text, bool AtTextStart);
