namespace Kaito.Tokenization.Models;

/// <summary>
/// The pieces of a vocabulary by their characters, to find all that a text begins with in one pass. Edges lie in one
/// open-addressed table, so that a vocabulary of 250,000 pieces takes megabytes and not a heap of nodes.
/// </summary>
internal sealed class PieceTrie
{
    private const int None = -1;
    private const ulong Spread = 0x9E3779B97F4A7C15;

    private readonly long[] _keys;
    private readonly int[] _next;
    private readonly int[] _ids;
    private readonly int _shift;

    /// <param name="pieces">Spelling and id; of equal spellings the last counts, and empty ones are left out.</param>
    public PieceTrie(IEnumerable<(string Spelling, int Id)> pieces)
    {
        var edges = new Dictionary<long, int>();
        var ids = new List<int> { None };
        foreach (var (spelling, id) in pieces.Where(static piece => piece.Spelling.Length > 0))
        {
            var node = 0;
            foreach (var character in spelling)
            {
                if (!edges.TryGetValue(Key(node, character), out var next))
                {
                    next = ids.Count;
                    edges.Add(Key(node, character), next);
                    ids.Add(None);
                }

                node = next;
            }

            ids[node] = id;
        }

        var bits = 4;
        while (1L << bits < edges.Count * 2L)
        {
            bits++;
        }

        _shift = 64 - bits;
        _keys = new long[1 << bits];
        _next = new int[1 << bits];
        _ids = [.. ids];
        Array.Fill(_keys, None);
        foreach (var (key, next) in edges)
        {
            var slot = Slot(key);
            while (_keys[slot] != None)
            {
                slot = (slot + 1) & (_keys.Length - 1);
            }

            (_keys[slot], _next[slot]) = (key, next);
        }
    }

    /// <summary>The pieces that <paramref name="text"/> begins with, shortest first.</summary>
    public Walker Walk(ReadOnlySpan<char> text) => new(this, text);

    private static long Key(int node, char character) => ((long)node << 16) | character;

    private int Slot(long key) => (int)(unchecked((ulong)key * Spread) >> _shift);

    private int Follow(int node, char character)
    {
        var key = Key(node, character);
        for (var slot = Slot(key); _keys[slot] != None; slot = (slot + 1) & (_keys.Length - 1))
        {
            if (_keys[slot] == key)
            {
                return _next[slot];
            }
        }

        return None;
    }

    /// <summary>One pass over a text.</summary>
    public ref struct Walker(PieceTrie trie, ReadOnlySpan<char> text)
    {
        private readonly ReadOnlySpan<char> _text = text;
        private int _node;
        private int _at;

        /// <summary>The id of a piece and its length in UTF-16 units.</summary>
        public (int Id, int Length) Current { get; private set; }

        public bool MoveNext()
        {
            while (_at < _text.Length)
            {
                _node = trie.Follow(_node, _text[_at++]);
                if (_node == None)
                {
                    _at = _text.Length;
                    return false;
                }

                if (trie._ids[_node] is var id and not None)
                {
                    Current = (id, _at);
                    return true;
                }
            }

            return false;
        }
    }
}
