using System.Buffers;
using System.Collections.Frozen;

namespace Kaito.Tokenization.Models;

/// <summary>A merge of the file: its place in the list and the token that the two halves become.</summary>
internal readonly record struct BpeMerge(int Rank, int Id);

/// <summary>Joins symbols by rank with a heap of candidate pairs over a doubly linked list.</summary>
internal static class BpeMerger
{
    private const int None = -1;

    /// <param name="symbols">Ids of the single characters; overwritten.</param>
    /// <param name="merges">Keyed by the ids of both halves.</param>
    /// <param name="ids">Receives what is left when no pair can be joined.</param>
    public static void Merge(
        Span<int> symbols,
        FrozenDictionary<(int Left, int Right), BpeMerge> merges,
        List<int> ids)
    {
        if (symbols.Length < 2)
        {
            ids.AddRange(symbols);
            return;
        }

        var rented = ArrayPool<int>.Shared.Rent(symbols.Length * 2);
        try
        {
            var chain = new Chain(symbols, rented.AsSpan(0, symbols.Length), rented.AsSpan(symbols.Length));
            Join(chain, merges);
            for (var at = 0; at != None; at = chain.Next[at])
            {
                ids.Add(chain.Symbols[at]);
            }
        }
        finally
        {
            ArrayPool<int>.Shared.Return(rented);
        }
    }

    private static void Join(Chain chain, FrozenDictionary<(int Left, int Right), BpeMerge> merges)
    {
        var heap = new PriorityQueue<Candidate, long>();
        for (var at = 0; at + 1 < chain.Symbols.Length; at++)
        {
            Push(heap, chain, at, merges);
        }

        while (heap.TryDequeue(out var candidate, out _))
        {
            if (!chain.Holds(candidate))
            {
                continue;
            }

            chain.JoinWithNext(candidate.Left, candidate.Merged);
            if (chain.Previous[candidate.Left] != None)
            {
                Push(heap, chain, chain.Previous[candidate.Left], merges);
            }

            Push(heap, chain, candidate.Left, merges);
        }
    }

    private static void Push(
        PriorityQueue<Candidate, long> heap,
        Chain chain,
        int left,
        FrozenDictionary<(int Left, int Right), BpeMerge> merges)
    {
        var right = chain.Next[left];
        if (right == None)
        {
            return;
        }

        var pair = (chain.Symbols[left], chain.Symbols[right]);
        if (merges.TryGetValue(pair, out var merge))
        {
            heap.Enqueue(new(left, pair.Item1, pair.Item2, merge.Id), ((long)merge.Rank << 32) | (uint)left);
        }
    }

    private readonly record struct Candidate(int Left, int LeftId, int RightId, int Merged);

    /// <summary>Symbols in text order; a joined symbol lives on in its left slot, the right one is unlinked.</summary>
    private readonly ref struct Chain
    {
        private const int Removed = -2;

        public readonly Span<int> Symbols;
        public readonly Span<int> Next;
        public readonly Span<int> Previous;

        public Chain(Span<int> symbols, Span<int> next, Span<int> previous)
        {
            Symbols = symbols;
            Next = next;
            Previous = previous;
            for (var at = 0; at < symbols.Length; at++)
            {
                next[at] = at + 1;
                previous[at] = at - 1;
            }

            next[symbols.Length - 1] = None;
        }

        /// <summary>False when one of the two symbols was joined with another in the meantime.</summary>
        public bool Holds(Candidate candidate) =>
            Symbols[candidate.Left] == candidate.LeftId
            && Next[candidate.Left] is var right
            && right != None
            && Symbols[right] == candidate.RightId;

        public void JoinWithNext(int left, int merged)
        {
            var right = Next[left];
            var after = Next[right];
            Symbols[left] = merged;
            Symbols[right] = Removed;
            Next[left] = after;
            if (after != None)
            {
                Previous[after] = left;
            }
        }
    }
}
