using System.Collections.Concurrent;
using Kaito.InferenceHost.Engine.Kernels;

namespace Kaito.Tests.InferenceHost.Engine.Kernels;

public sealed unsafe class WeightMemoryTests
{
    [Theory]
    [InlineData(1, 4000)]
    [InlineData(64, 500)]
    [InlineData(300_000, 300)]
    [InlineData(33 << 20, 3)]
    public void Allocate_OnSeveralThreads_GivesZerosThatNobodyElseHas(int bytes, int count)
    {
        var blocks = new ConcurrentBag<(nint Address, byte Mark)>();
        Parallel.For(0, count, index =>
        {
            var block = (byte*)WeightMemory.Allocate(bytes);
            var (zero, mark) = (new Span<byte>(block, bytes).IndexOfAnyExcept((byte)0) < 0, (byte)(index % 255 + 1));
            new Span<byte>(block, bytes).Fill(mark);
            Assert.True(zero);
            Assert.Equal(0u, (nuint)block % WeightMemory.Alignment);
            blocks.Add(((nint)block, mark));
        });

        Assert.Equal(count, blocks.Count);
        Assert.All(blocks, block => Assert.Equal(-1, new Span<byte>((byte*)block.Address, bytes).IndexOfAnyExcept(block.Mark)));
        Parallel.ForEach(blocks, static block => WeightMemory.Free((void*)block.Address));
    }

    [Fact]
    public void Free_OfNothing_DoesNothing() => WeightMemory.Free(null);
}
