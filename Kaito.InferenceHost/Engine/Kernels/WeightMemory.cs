using System.Runtime.InteropServices;

namespace Kaito.InferenceHost.Engine.Kernels;

/// <summary>
/// Native memory for weights, which a step reads from end to end: in huge pages where the system has them, so that a tenth of
/// the step is not spent on finding pages. Many matrices share a chunk, which is freed with the last of them.
/// </summary>
internal static unsafe class WeightMemory
{
    /// <summary>Of what <see cref="Allocate"/> returns, in bytes.</summary>
    public const int Alignment = 64;

    private const int HugePage = 2 << 20;
    private const long ChunkBytes = 32 << 20;

    private static readonly Lock s_lock = new();

    // Where the next allocation begins in the newest chunk; null before the first.
    private static Chunk* s_newest;
    private static long s_used;

    /// <returns>Zeros; for <see cref="Free"/>.</returns>
    public static void* Allocate(long bytes)
    {
        bytes = (bytes + Alignment - 1) / Alignment * Alignment;
        lock (s_lock)
        {
            if (s_newest == null || s_used + bytes > ChunkBytes)
            {
                var size = Math.Max(ChunkBytes, (bytes + Alignment + HugePage - 1) / HugePage * HugePage);
                Leave(s_newest);
                s_newest = null;
                s_newest = Chunk.Create(size);
                s_used = Alignment;
            }

            s_newest->Users++;
            var memory = (byte*)s_newest + s_used;
            s_used += bytes;
            NativeMemory.Clear(memory, (nuint)bytes);
            return memory;
        }
    }

    public static void Free(void* memory)
    {
        if (memory != null)
        {
            lock (s_lock)
            {
                // What is larger than a chunk begins in its first part.
                Leave((Chunk*)((nuint)memory / (nuint)ChunkBytes * (nuint)ChunkBytes));
            }
        }
    }

    private static void Leave(Chunk* chunk)
    {
        if (chunk != null && --chunk->Users == 0)
        {
            NativeMemory.AlignedFree(chunk);
        }
    }

    // At the start of its memory, which begins at a multiple of the size of a chunk.
    private struct Chunk
    {
        // Allocations, and one while it is the newest.
        public int Users;

        public static Chunk* Create(long bytes)
        {
            var chunk = NativeMemory.AlignedAlloc((nuint)bytes, (nuint)ChunkBytes);
            Pages.MakeHuge(chunk, bytes);
            ((Chunk*)chunk)->Users = 1;
            return (Chunk*)chunk;
        }
    }
}
