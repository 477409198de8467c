namespace Kaito.InferenceHost.Engine;

/// <summary>
/// Who sits in which slot of the cache. Slots 0..n-1 are being answered; at most one more, the last, is taking in its
/// prompt. What leaves is remembered for prompts that start alike.
/// </summary>
/// <param name="cache">Keys and values; grows and moves as needed.</param>
/// <param name="sizing">How large it may be.</param>
/// <param name="finished">Keys and values of those who left.</param>
/// <param name="most">Most slots.</param>
/// <param name="moved">Called before the cache moves: its addresses become stale.</param>
internal sealed class SlotTable(KvSlots cache, KvSizing sizing, PrefixStore finished, int most, Action moved)
{
    // Copying fewer tokens than this costs as much as computing them.
    private const int ShortestReuse = 8;

    private readonly List<RunningSequence> _slots = [];
    private readonly int[] _lengths = new int[most + 1];

    public int Count => _slots.Count;

    public RunningSequence this[int slot] => _slots[slot];

    public IReadOnlyList<RunningSequence> Sequences => _slots;

    public int Decoding => _slots.Count - (Current is null ? 0 : 1);

    /// <summary>The long prompt that is under way: always in the last slot.</summary>
    public RunningSequence? Current => _slots is [.., { Prefilling: true } last] ? last : null;

    /// <summary>Prompt tokens that were looked up among those that are known.</summary>
    public long LookedUpTokens { get; private set; }

    /// <summary>Prompt tokens that were copied from an earlier sequence instead of computed.</summary>
    public long ReusedTokens { get; private set; }

    public int SlotOf(RunningSequence sequence) => _slots.IndexOf(sequence);

    public void Clear() => _slots.Clear();

    /// <summary>Gives a sequence a slot, with all that is known of the start of its tokens.</summary>
    /// <remarks>There must be room. While a long prompt is under way, the caller computes the rest at once.</remarks>
    public void Seat(RunningSequence sequence)
    {
        var current = Current;
        _slots.Add(sequence);
        TryMakeRoom(1, 0);
        if (current is not null)
        {
            cache.Copy(_slots.Count - 2, _slots.Count - 1, current.Cached);
            (_slots[^2], _slots[^1]) = (sequence, current);
        }

        ReusePrefix(sequence, _slots.IndexOf(sequence));
    }

    /// <summary>The longest start of its tokens that is known, but not the last token: logits come from there.</summary>
    public (int Length, int Entry, int Slot) Known(RunningSequence sequence)
    {
        if (sequence.ReadsPrompt || sequence.Unremembered)
        {
            return default;
        }

        var wanted = sequence.Tokens[..^1];
        var length = finished.Longest(wanted, sequence.PrefixKey, out var entry);
        var neighbour = -1;
        for (var other = 0; other < _slots.Count; other++)
        {
            var common = wanted.CommonPrefixLength(_slots[other].Tokens[.._slots[other].Cached]);
            if (common > length && _slots[other].PrefixKey == sequence.PrefixKey)
            {
                (length, neighbour) = (common, other);
            }
        }

        return length < ShortestReuse ? default : (length, entry, neighbour);
    }

    /// <summary>Most tokens that one of the first slots holds.</summary>
    public int Longest(int slots)
    {
        var longest = 0;
        for (var slot = 0; slot < slots; slot++)
        {
            longest = Math.Max(longest, _slots[slot].Cached);
        }

        return longest;
    }

    /// <summary>Makes every slot hold this many tokens, or returns false when the budget does not allow it.</summary>
    /// <param name="tokens">More where a slot holds more.</param>
    /// <param name="coming">Sequences for which room is made as well, where that costs nothing.</param>
    public bool TryMakeRoom(int tokens, int coming)
    {
        tokens = Math.Max(tokens, Longest(_slots.Count));
        if (sizing.Next(cache.Shape, _slots.Count + coming, new(_slots.Count, tokens)) is not { } shape)
        {
            return false;
        }

        if (shape != cache.Shape)
        {
            for (var slot = 0; slot < _slots.Count; slot++)
            {
                _lengths[slot] = _slots[slot].Cached;
            }

            moved();
            cache.Resize(shape, _lengths.AsSpan(0, _slots.Count));
        }

        return true;
    }

    /// <summary>Takes the sequence out and fills the hole.</summary>
    public void Free(int slot)
    {
        var gone = _slots[slot];
        if (gone.Cached >= ShortestReuse && !gone.Unremembered)
        {
            finished.Save(cache, slot, gone.Tokens[..gone.Cached], gone.PrefixKey);
        }

        // Decoding rows stay consecutive: the last of them fills the hole, the prompt being taken in follows it.
        var lastRow = Decoding - 1;
        if (slot < lastRow)
        {
            Move(lastRow, slot);
            slot = lastRow;
        }

        if (slot < _slots.Count - 1)
        {
            Move(_slots.Count - 1, slot);
        }

        _slots.RemoveAt(_slots.Count - 1);
    }

    private void ReusePrefix(RunningSequence sequence, int slot)
    {
        if (sequence.ReadsPrompt || sequence.Unremembered)
        {
            return;
        }

        var (length, entry, neighbour) = Known(sequence);
        LookedUpTokens += sequence.Preempted ? 0 : sequence.Tokens.Length - 1;
        if (length == 0 || !TryMakeRoom(length, 0))
        {
            return;
        }

        if (neighbour >= 0)
        {
            cache.Copy(neighbour, slot, length);
        }
        else
        {
            finished.Restore(entry, cache, slot, length);
        }

        sequence.Reuse(length);
        ReusedTokens += sequence.Preempted ? 0 : length;
    }

    private void Move(int from, int to)
    {
        cache.Copy(from, to, _slots[from].Cached);
        _slots[to] = _slots[from];
    }
}
