namespace Kaito.Tokenization.PreTokenization;

/// <summary>
/// Cuts pieces into smaller ones and may rewrite them. Implementations are immutable and thread-safe.
/// </summary>
internal abstract class PreTokenizer
{
    /// <summary>Appends what one piece becomes, in order.</summary>
    public abstract void Cut(Piece piece, List<Piece> pieces);
}

/// <summary>Every step works on the pieces of the one before.</summary>
internal sealed class PreTokenizerSequence(IReadOnlyList<PreTokenizer> steps) : PreTokenizer
{
    public override void Cut(Piece piece, List<Piece> pieces)
    {
        var current = new List<Piece> { piece };
        foreach (var step in steps)
        {
            var next = new List<Piece>(current.Count);
            foreach (var part in current)
            {
                step.Cut(part, next);
            }

            current = next;
        }

        pieces.AddRange(current);
    }
}
