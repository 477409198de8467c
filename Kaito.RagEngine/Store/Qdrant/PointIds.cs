using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Kaito.RagEngine.Store.Qdrant;

/// <summary>One change of an index: what it uploads carries its id and sorts behind everything uploaded before.</summary>
/// <param name="Ticks">When it began.</param>
/// <param name="Salt">Keeps writers apart that begin at the same tick.</param>
internal readonly record struct WriteId(long Ticks, uint Salt)
{
    private const int LowBits = 12;

    /// <summary>As stored; the record of a write that is under way is a point of this id.</summary>
    public string Text => Point(0).ToString("D", CultureInfo.InvariantCulture);

    /// <summary>Id of the so-manieth thing that is uploaded, from 1; ids sort as numbers do.</summary>
    public Guid Point(uint number)
    {
        // RFC 9562, version 8: time, number, salt.
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, ((ulong)Ticks >> LowBits << 16) | 0x8000 | ((ulong)Ticks & 0xFFF));
        BinaryPrimitives.WriteUInt32BigEndian(bytes[8..], 0x8000_0000 | (number & 0x3FFF_FFFF));
        BinaryPrimitives.WriteUInt32BigEndian(bytes[12..], Salt);
        return new(bytes, bigEndian: true);
    }

    /// <summary>When the write with an id of this text began.</summary>
    public static DateTimeOffset Began(string text)
    {
        Span<byte> bytes = stackalloc byte[16];
        Guid.Parse(text, CultureInfo.InvariantCulture).TryWriteBytes(bytes, bigEndian: true, out _);
        var read = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        return new((long)((read >> 16 << LowBits) | (read & 0xFFF)), TimeSpan.Zero);
    }
}

/// <summary>Makes ids. Thread-safe.</summary>
internal sealed class PointIds(TimeProvider clock)
{
    private long _last;

    /// <summary>Of the point that describes an index.</summary>
    public static Guid Index { get; } = Named("index", "");

    /// <summary>Later than all before it.</summary>
    public WriteId NewWrite()
    {
        Span<byte> salt = stackalloc byte[4];
        RandomNumberGenerator.Fill(salt);
        return new(NewTicks(), BinaryPrimitives.ReadUInt32BigEndian(salt));
    }

    /// <summary>The time, but never the same twice.</summary>
    public long NewTicks()
    {
        var now = clock.GetUtcNow().UtcTicks;
        while (true)
        {
            var last = Interlocked.Read(ref _last);
            var next = Math.Max(last + 1, now);
            if (Interlocked.CompareExchange(ref _last, next, last) == last)
            {
                return next;
            }
        }
    }

    /// <summary>Of the point that says what is true of a document.</summary>
    public static Guid Document(string id) => Named("document", id);

    private static Guid Named(string kind, string name)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{kind}\0{name}"));
        hash[6] = (byte)(0x80 | (hash[6] & 0xF));
        hash[8] = (byte)(0x80 | (hash[8] & 0x3F));
        return new(hash.AsSpan(0, 16), bigEndian: true);
    }
}
