namespace Kaito.Tokenization.Models;

/// <summary>
/// Remembers the ids of short pieces. Direct-mapped and of fixed size, so that it is bounded and lock-free: entries are
/// immutable and a lost race costs one recomputation.
/// </summary>
internal sealed class WordCache
{
    private const int Slots = 1 << 13;
    private const int LongestPiece = 64;

    private readonly Entry?[] _entries = new Entry?[Slots];

    public bool TryGet(ReadOnlySpan<char> piece, out int[] ids)
    {
        if (piece.Length <= LongestPiece
            && Volatile.Read(ref _entries[Slot(piece)]) is { } entry
            && piece.SequenceEqual(entry.Piece))
        {
            ids = entry.Ids;
            return true;
        }

        ids = [];
        return false;
    }

    public void Add(ReadOnlySpan<char> piece, ReadOnlySpan<int> ids)
    {
        if (piece.Length <= LongestPiece)
        {
            Volatile.Write(ref _entries[Slot(piece)], new(piece.ToString(), ids.ToArray()));
        }
    }

    private static int Slot(ReadOnlySpan<char> piece) => string.GetHashCode(piece) & (Slots - 1);

    private sealed record Entry(string Piece, int[] Ids);
}
