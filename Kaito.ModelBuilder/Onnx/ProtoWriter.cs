using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Kaito.ModelBuilder.Onnx;

/// <summary>
/// Appends protobuf fields to memory: varint, fixed32 and length-delimited, which is all that ONNX needs.
/// </summary>
/// <seealso href="https://protobuf.dev/programming-guides/encoding/">Protocol Buffers, encoding.</seealso>
internal sealed class ProtoWriter
{
    private const int VarintWire = 0;
    private const int BytesWire = 2;
    private const int Fixed32Wire = 5;

    private readonly ArrayBufferWriter<byte> _bytes = new();

    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    public ProtoWriter Integer(int field, long value)
    {
        Tag(field, VarintWire);
        Varint((ulong)value);
        return this;
    }

    public ProtoWriter Single(int field, float value)
    {
        Tag(field, Fixed32Wire);
        Span<byte> little = stackalloc byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(little, value);
        _bytes.Write(little);
        return this;
    }

    public ProtoWriter Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    public ProtoWriter Bytes(int field, ReadOnlySpan<byte> value)
    {
        Tag(field, BytesWire);
        Varint((ulong)value.Length);
        _bytes.Write(value);
        return this;
    }

    public ProtoWriter Message(int field, ProtoWriter message) => Bytes(field, message._bytes.WrittenSpan);

    public ProtoWriter Packed(int field, ReadOnlySpan<long> values)
    {
        var packed = new ProtoWriter();
        foreach (var value in values)
        {
            packed.Varint((ulong)value);
        }

        return Message(field, packed);
    }

    private void Tag(int field, int wire) => Varint((ulong)((field << 3) | wire));

    private void Varint(ulong value)
    {
        const int Longest = 10;
        var target = _bytes.GetSpan(Longest);
        var length = 0;
        while (value >= 0x80)
        {
            target[length++] = (byte)(value | 0x80);
            value >>= 7;
        }

        target[length++] = (byte)value;
        _bytes.Advance(length);
    }
}
