using Microsoft.ML.OnnxRuntime;

namespace Kaito.InferenceHost.Engine;

/// <summary>
/// Keys and values of the running sequences, outside of managed memory: per layer one tensor of keys and one of values, each
/// [slots, kv_heads, tokens, head_size]. A graph reads its past from a slot and writes the present over it in place.
/// </summary>
internal sealed unsafe class KvSlots(IKvMemory memory, int tensors, int heads, int headBytes) : IDisposable
{
    private const nuint Alignment = 64;

    private readonly nint[] _memory = new nint[tensors];

    public KvShape Shape { get; private set; }

    /// <summary>For tensors over it.</summary>
    public OrtMemoryInfo Place => memory.Place;

    /// <summary>Number of tensors: two per layer, keys first.</summary>
    public int Tensors => tensors;

    private nuint SlotBytes => (nuint)heads * (nuint)Shape.Tokens * (nuint)headBytes;

    /// <summary>Address of a slot in a tensor; valid until the next <see cref="Resize"/>.</summary>
    public nint AddressOf(int tensor, int slot) => Aligned(_memory[tensor]) + (nint)((nuint)slot * SlotBytes);

    public long BytesOf(int slots) => (long)SlotBytes * slots;

    /// <summary>Bytes that <see cref="CopyOut"/> writes for this many tokens.</summary>
    public long PackedBytes(int tokens) => (long)tensors * heads * tokens * headBytes;

    /// <param name="shape">New shape, large enough for <paramref name="lengths"/>.</param>
    /// <param name="lengths">Used tokens per slot from slot 0; what lies beyond is forgotten.</param>
    /// <exception cref="OutOfMemoryException">The machine has no such memory; the cache is empty.</exception>
    public void Resize(KvShape shape, ReadOnlySpan<int> lengths)
    {
        var before = Shape;
        for (var tensor = 0; tensor < tensors; tensor++)
        {
            // One at a time: at most one tensor exists twice.
            var bytes = (nuint)shape.Slots * (nuint)heads * (nuint)shape.Tokens * (nuint)headBytes;
            var grown = Allocate(bytes);
            for (var slot = 0; slot < lengths.Length; slot++)
            {
                for (var head = 0; head < heads; head++)
                {
                    Copy(
                        Row(_memory[tensor], before, slot, head),
                        Row(grown, shape, slot, head),
                        lengths[slot]);
                }
            }

            memory.Settle();
            memory.Free(_memory[tensor]);
            _memory[tensor] = grown;
        }

        Shape = shape;
    }

    /// <summary>Copies the first tokens of one slot over those of another.</summary>
    public void Copy(int from, int to, int tokens)
    {
        for (var tensor = 0; tensor < tensors; tensor++)
        {
            for (var head = 0; head < heads; head++)
            {
                Copy(Row(_memory[tensor], Shape, from, head), Row(_memory[tensor], Shape, to, head), tokens);
            }
        }

        memory.Settle();
    }

    /// <summary>Packs the first tokens of a slot as [tensors, kv_heads, tokens, head_size].</summary>
    public void CopyOut(int slot, int tokens, byte* packed)
    {
        for (var row = 0; row < tensors * heads; row++)
        {
            var source = Row(_memory[row / heads], Shape, slot, row % heads);
            Copy(source, packed + ((nint)row * tokens * headBytes), tokens);
        }

        memory.Settle();
    }

    /// <summary>Takes the first <paramref name="tokens"/> of a pack into a slot.</summary>
    public void CopyIn(int slot, int tokens, byte* packed, int packedTokens)
    {
        for (var row = 0; row < tensors * heads; row++)
        {
            var target = Row(_memory[row / heads], Shape, slot, row % heads);
            Copy(packed + ((nint)row * packedTokens * headBytes), target, tokens);
        }

        memory.Settle();
    }

    public void Dispose()
    {
        foreach (ref var address in _memory.AsSpan())
        {
            memory.Free(address);
            address = 0;
        }

        Shape = default;
    }

    private nint Allocate(nuint bytes)
    {
        try
        {
            return memory.Allocate(bytes + Alignment);
        }
        catch (Exception none) when (none is OutOfMemoryException or EngineException)
        {
            Dispose();
            throw;
        }
    }

    private static nint Aligned(nint address) => (nint)(((nuint)address + Alignment - 1) & ~(Alignment - 1));

    private byte* Row(nint tensor, KvShape shape, int slot, int head) =>
        (byte*)Aligned(tensor) + (((nint)slot * heads + head) * shape.Tokens * headBytes);

    private void Copy(byte* from, byte* to, int tokens) => memory.Copy((nint)from, (nint)to, (long)tokens * headBytes);
}
