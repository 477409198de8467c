using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Numerics;

namespace Kaito.Operator.Cluster;

/// <summary>
/// Texts that are much alike, such as the JSON of thousands of objects of one kind: each is packed into what it does not
/// have in common with one of a few samples, mostly a fifth of it. One writer, any number of readers.
/// </summary>
/// <remarks>
/// Packed: the number of the sample, the length of the text, then pairs of a run of the text's own bytes and a run of the
/// sample. A text unlike all samples becomes one itself, as long as there is room.
/// </remarks>
internal sealed class LikeTexts
{
    private const int MostSamples = 16;
    private const int LongestSample = ushort.MaxValue;

    // A sample is worth it when it saves half; past a fifth of the text another one would hardly do better.
    private const int Worthwhile = 2;
    private const int Enough = 5;

    private readonly ArrayBufferWriter<byte> _best = new();
    private readonly ArrayBufferWriter<byte> _other = new();
    private ImmutableArray<Sample> _samples = [];

    /// <summary>The text in less room; only for the one writer.</summary>
    public byte[] Pack(ReadOnlySpan<byte> text)
    {
        var best = Best(text);
        if (best.WrittenCount > text.Length / Worthwhile && _samples.Length < MostSamples && text.Length <= LongestSample)
        {
            _samples = _samples.Add(new(text.ToArray()));
            Write(_samples.Length - 1, text, best);
        }

        return best.WrittenSpan.ToArray();
    }

    /// <summary>Calls back with the text, which is gone afterwards.</summary>
    public TResult Unpack<TResult>(ReadOnlySpan<byte> packed, Func<ReadOnlySpan<byte>, TResult> read)
    {
        var sample = packed[0] < _samples.Length ? _samples[packed[0]].Text.AsSpan() : [];
        packed = packed[1..];
        var length = Number(ref packed);
        var buffer = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            Expand(packed, sample, buffer.AsSpan(0, length));
            return read(buffer.AsSpan(0, length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static void Expand(ReadOnlySpan<byte> packed, ReadOnlySpan<byte> sample, Span<byte> text)
    {
        var expected = 0;
        while (text.Length > 0)
        {
            var own = Number(ref packed);
            packed[..own].CopyTo(text);
            packed = packed[own..];
            text = text[own..];
            var common = Number(ref packed);
            if (common > 0)
            {
                var from = expected + own + Signed(Number(ref packed));
                sample.Slice(from, common).CopyTo(text);
                text = text[common..];
                expected = from + common;
            }
        }
    }

    private ArrayBufferWriter<byte> Best(ReadOnlySpan<byte> text)
    {
        var (best, other) = (_best, _other);
        Write(0, text, best);
        for (var i = 1; i < _samples.Length && best.WrittenCount > text.Length / Enough; i++)
        {
            Write(i, text, other);
            (best, other) = other.WrittenCount < best.WrittenCount ? (other, best) : (best, other);
        }

        return best;
    }

    private void Write(int number, ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output)
    {
        output.ResetWrittenCount();
        output.Write([(byte)number]);
        Put(output, text.Length);
        var sample = number < _samples.Length ? _samples[number] : null;
        var (start, expected) = (0, 0);
        for (var at = 0; sample is not null && at + Sample.Shortest <= text.Length;)
        {
            // Where nothing but some values differ the sample goes on where it would without them.
            var there = expected + at - start;
            var from = sample.Matches(text[at..], there) ? there : sample.Find(text[at..]);
            if (from < 0)
            {
                at++;
                continue;
            }

            var common = text[at..].CommonPrefixLength(sample.Text.AsSpan(from));
            Put(output, at - start);
            output.Write(text[start..at]);
            Put(output, common);
            Put(output, Unsigned(from - there));
            (at, expected) = (at + common, from + common);
            start = at;
        }

        if (start < text.Length)
        {
            Put(output, text.Length - start);
            output.Write(text[start..]);
            Put(output, 0);
        }
    }

    // Seven bits a byte, the lowest first; the eighth says that more follow.
    private static void Put(ArrayBufferWriter<byte> output, int number)
    {
        var rest = (uint)number;
        for (; rest >= 0x80; rest >>= 7)
        {
            output.Write([(byte)(rest | 0x80)]);
        }

        output.Write([(byte)rest]);
    }

    private static int Number(ref ReadOnlySpan<byte> packed)
    {
        var (number, shift) = (0u, 0);
        while (packed[0] >= 0x80)
        {
            number |= (packed[0] & 0x7Fu) << shift;
            packed = packed[1..];
            shift += 7;
        }

        number |= (uint)packed[0] << shift;
        packed = packed[1..];
        return (int)number;
    }

    private static int Unsigned(int number) => (number << 1) ^ (number >> 31);

    private static int Signed(int number) => (int)((uint)number >> 1) ^ -(number & 1);

    /// <summary>A text, and where what begins in it.</summary>
    private sealed class Sample
    {
        /// <summary>Shorter runs in common cost more than they save.</summary>
        public const int Shortest = 6;

        private readonly ushort[] _places;
        private readonly int _shift;

        public Sample(byte[] text)
        {
            Text = text;
            var bits = Math.Clamp(BitOperations.Log2((uint)text.Length + 1) + 2, 6, 14);
            (_places, _shift) = (new ushort[1 << bits], 64 - bits);
            for (var at = text.Length - Shortest; at >= 0; at--)
            {
                _places[Slot(text.AsSpan(at))] = (ushort)(at + 1);
            }
        }

        public byte[] Text { get; }

        public bool Matches(ReadOnlySpan<byte> text, int at) => at >= 0 && at + Shortest <= Text.Length
            && text[..Shortest].SequenceEqual(Text.AsSpan(at, Shortest));

        /// <summary>Where the text's first bytes are; -1 where they are not.</summary>
        public int Find(ReadOnlySpan<byte> text)
        {
            var at = _places[Slot(text)] - 1;
            return Matches(text, at) ? at : -1;
        }

        private int Slot(ReadOnlySpan<byte> text)
        {
            var bytes = BinaryPrimitives.ReadUInt32LittleEndian(text)
                | ((ulong)BinaryPrimitives.ReadUInt16LittleEndian(text[4..]) << 32);
            return (int)((bytes * 0x9E3779B97F4A7C15) >> _shift);
        }
    }
}
