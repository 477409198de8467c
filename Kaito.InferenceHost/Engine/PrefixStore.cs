using System.Runtime.InteropServices;

namespace Kaito.InferenceHost.Engine;

/// <summary>
/// Keys and values of finished sequences, so that a prompt which starts like one of them (a chat's next turn, a shared
/// system prompt) skips what was already computed. Least recently used first out; bounded in bytes and entries.
/// </summary>
internal sealed unsafe class PrefixStore(long budgetBytes) : IDisposable
{
    // A search looks at every entry.
    private const int MostEntries = 64;

    // Most recently used last.
    private readonly List<Entry> _entries = [];
    private long _bytes;

    /// <summary>Remembers these first tokens of a slot, in place of entries they start with.</summary>
    /// <param name="cache">Holds the slot.</param>
    /// <param name="slot">Its number.</param>
    /// <param name="tokens">Shape [tokens].</param>
    /// <param name="key">Only prompts with the same one find them, see <see cref="RunningSequence.PrefixKey"/>.</param>
    public void Save(KvSlots cache, int slot, ReadOnlySpan<int> tokens, string key)
    {
        var bytes = cache.PackedBytes(tokens.Length);
        if (tokens.Length == 0 || bytes > budgetBytes || Covered(tokens, key))
        {
            return;
        }

        while (_entries.Count > 0 && (_entries.Count == MostEntries || _bytes + bytes > budgetBytes))
        {
            Drop(0);
        }

        nint memory;
        try
        {
            memory = (nint)NativeMemory.Alloc((nuint)bytes);
        }
        catch (OutOfMemoryException)
        {
            // The sequence has ended well; the next one like it is computed again.
            return;
        }

        cache.CopyOut(slot, tokens.Length, (byte*)memory);
        _entries.Add(new(tokens.ToArray(), key, memory, bytes));
        _bytes += bytes;
    }

    /// <summary>Tokens that the best entry has in common with the start of <paramref name="prompt"/>.</summary>
    public int Longest(ReadOnlySpan<int> prompt, string key, out int entry)
    {
        var longest = 0;
        entry = -1;
        for (var i = 0; i < _entries.Count; i++)
        {
            var length = _entries[i].Common(prompt, key);
            if (length > longest)
            {
                (longest, entry) = (length, i);
            }
        }

        return longest;
    }

    /// <summary>Copies the first tokens of an entry, named by <see cref="Longest"/>, into a slot.</summary>
    public void Restore(int entry, KvSlots cache, int slot, int tokens)
    {
        var used = _entries[entry];
        cache.CopyIn(slot, tokens, (byte*)used.Memory, used.Tokens.Length);
        _entries.RemoveAt(entry);
        _entries.Add(used);
    }

    public void Dispose()
    {
        while (_entries.Count > 0)
        {
            Drop(_entries.Count - 1);
        }
    }

    /// <summary>True when an entry already starts with these tokens; entries that these tokens start with go.</summary>
    private bool Covered(ReadOnlySpan<int> tokens, string key)
    {
        for (var i = _entries.Count - 1; i >= 0; i--)
        {
            var common = _entries[i].Common(tokens, key);
            if (common == tokens.Length)
            {
                return true;
            }

            if (common == _entries[i].Tokens.Length)
            {
                Drop(i);
            }
        }

        return false;
    }

    private void Drop(int index)
    {
        NativeMemory.Free((void*)_entries[index].Memory);
        _bytes -= _entries[index].Bytes;
        _entries.RemoveAt(index);
    }

    private readonly record struct Entry(int[] Tokens, string Key, nint Memory, long Bytes)
    {
        public int Common(ReadOnlySpan<int> tokens, string key) =>
            Key == key ? tokens.CommonPrefixLength(Tokens) : 0;
    }
}
