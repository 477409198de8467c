using Kaito.Tokenization.Patterns;

namespace Kaito.Tokenization.PreTokenization;

/// <summary>Cuts into words as GPT-2 does, if asked to, and writes each as the characters of its bytes.</summary>
/// <param name="addPrefixSpace">Every piece starts with a space.</param>
/// <param name="useRegex">False when an earlier step already cut the text.</param>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool useRegex) : PreTokenizer
{
    private const string WordPattern =
        @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    private static readonly SplitPreTokenizer s_words =
        new(PatternMatcher.Parse(WordPattern), SplitBehavior.Isolated, invert: false);

    public override void Cut(Piece piece, List<Piece> pieces)
    {
        if (addPrefixSpace && !piece.Text.Span.StartsWith(' '))
        {
            piece = piece with { Text = $" {piece.Text.Span}".AsMemory() };
        }

        if (!useRegex)
        {
            pieces.Add(Mapped(piece));
            return;
        }

        var first = pieces.Count;
        s_words.Cut(piece, pieces);
        for (var index = first; index < pieces.Count; index++)
        {
            pieces[index] = Mapped(pieces[index]);
        }
    }

    private static Piece Mapped(Piece piece) =>
        piece with { Text = ByteCharacters.FromText(piece.Text.Span).AsMemory() };
}
