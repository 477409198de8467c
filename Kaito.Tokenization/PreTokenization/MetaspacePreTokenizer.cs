using Kaito.Tokenization.Patterns;

namespace Kaito.Tokenization.PreTokenization;

/// <summary>Which pieces get a leading replacement character.</summary>
internal enum PrependScheme
{
    Always,
    First,
    Never,
}

/// <summary>Writes spaces as a visible character, SentencePiece's ▁, and cuts before each.</summary>
internal sealed class MetaspacePreTokenizer(char replacement, PrependScheme scheme, bool split) : PreTokenizer
{
    private readonly SplitPreTokenizer _words =
        new(PatternMatcher.Literal(replacement.ToString()), SplitBehavior.MergedWithNext, invert: false);

    public override void Cut(Piece piece, List<Piece> pieces)
    {
        var text = piece.Text.ToString().Replace(' ', replacement);
        var prepend = scheme == PrependScheme.Always || (scheme == PrependScheme.First && piece.AtTextStart);
        if (prepend && text.Length > 0 && text[0] != replacement)
        {
            text = replacement + text;
        }

        var marked = piece with { Text = text.AsMemory() };
        if (split)
        {
            _words.Cut(marked, pieces);
        }
        else
        {
            pieces.Add(marked);
        }
    }
}
