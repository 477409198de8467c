using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Kaito.ModelBuilder.Safetensors;

/// <summary>
/// One open safetensors file. Only the header is held in memory; tensors are read where they lie. Little-endian
/// machines only, as all that .NET runs this on are.
/// </summary>
internal sealed class SafetensorsFile : IDisposable
{
    private const int LargestHeader = 100_000_000;
    private const int ChunkElements = 1 << 20;

    private readonly SafeFileHandle _handle;
    private readonly string _path;

    private SafetensorsFile(SafeFileHandle handle, string path, IReadOnlyDictionary<string, TensorEntry> tensors) =>
        (_handle, _path, Tensors) = (handle, path, tensors);

    public IReadOnlyDictionary<string, TensorEntry> Tensors { get; }

    /// <exception cref="ModelBuildException">The file is no valid safetensors file.</exception>
    public static SafetensorsFile Open(string path)
    {
        var handle = File.OpenHandle(path);
        try
        {
            var length = RandomAccess.GetLength(handle);
            Span<byte> prefix = stackalloc byte[sizeof(ulong)];
            if (length < prefix.Length)
            {
                throw SafetensorsHeader.Corrupt(path, $"it has {length} bytes");
            }

            Fill(handle, path, prefix, 0);
            var size = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
            if (size > LargestHeader || (long)size > length - prefix.Length)
            {
                throw SafetensorsHeader.Corrupt(path, $"it announces a header of {size} bytes in a file of {length}");
            }

            var header = new byte[size];
            Fill(handle, path, header, prefix.Length);
            return new(handle, path, SafetensorsHeader.Parse(path, header, prefix.Length + (long)size, length));
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Reads a tensor as float32, row-major; F64 is rounded.</summary>
    /// <exception cref="ModelBuildException">Its type is not F32, F16, BF16 or F64, or it has 2³¹ elements.</exception>
    public float[] ReadFloats(string name)
    {
        var entry = Tensors[name];
        var count = entry.Shape.Aggregate(1L, (product, axis) => product * axis);
        if (entry.Type is not ("F32" or "F16" or "BF16" or "F64") || count > Array.MaxLength)
        {
            throw new ModelBuildException(
                $"'{_path}': tensor '{name}' is {entry.Type} with {count} elements; F32, F16, BF16 and F64 up to "
                + $"{Array.MaxLength} elements can be read. Use an unquantised checkpoint.");
        }

        var floats = new float[count];
        var size = TensorEntry.SizeOf(entry.Type) ?? sizeof(float);
        var chunk = new byte[Math.Min(ChunkElements, floats.Length) * size];
        for (var done = 0; done < floats.Length;)
        {
            var part = floats.AsSpan(done, Math.Min(ChunkElements, floats.Length - done));
            var bytes = chunk.AsSpan(0, part.Length * size);
            Fill(_handle, _path, bytes, entry.Begin + ((long)done * size));
            Widen(entry.Type, bytes, part);
            done += part.Length;
        }

        return floats;
    }

    public void Dispose() => _handle.Dispose();

    private static void Widen(string type, ReadOnlySpan<byte> bytes, Span<float> floats)
    {
        switch (type)
        {
            case "F32":
                MemoryMarshal.Cast<byte, float>(bytes).CopyTo(floats);
                break;
            case "F16":
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bytes), floats);
                break;
            case "BF16":
                var upper = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (var i = 0; i < floats.Length; i++)
                {
                    floats[i] = BitConverter.UInt32BitsToSingle((uint)upper[i] << 16);
                }

                break;
            default:
                TensorPrimitives.ConvertTruncating<double, float>(MemoryMarshal.Cast<byte, double>(bytes), floats);
                break;
        }
    }

    private static void Fill(SafeFileHandle handle, string path, Span<byte> target, long offset)
    {
        while (!target.IsEmpty)
        {
            var read = RandomAccess.Read(handle, target, offset);
            if (read == 0)
            {
                throw SafetensorsHeader.Corrupt(path, $"it ends at byte {offset}");
            }

            target = target[read..];
            offset += read;
        }
    }
}
