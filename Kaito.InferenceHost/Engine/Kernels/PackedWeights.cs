using System.Runtime.InteropServices;

namespace Kaito.InferenceHost.Engine.Kernels;

/// <summary>
/// A matrix [<see cref="Outputs"/>, <see cref="Width"/>] of 4-bit codes in native memory, laid out so that one vector
/// instruction meets 16 outputs: a code q stands for (q − 8)·scale of its block.
/// </summary>
internal unsafe struct PackedWeights
{
    /// <summary>Outputs that are computed together.</summary>
    public const int GroupOutputs = 16;

    /// <summary>Sizes of blocks must be multiples of it.</summary>
    public const int UnitInputs = 32;

    /// <summary>Inputs.</summary>
    public int Width;

    public int Outputs;

    /// <summary>Inputs that share a scale.</summary>
    public int BlockSize;

    /// <summary>
    /// [groups, padded width / 8, 64]: bytes of 4 inputs for each of 16 outputs, those of the next 4 in the high nibbles.
    /// </summary>
    public byte* Codes;

    /// <summary>[groups, blocks, 16].</summary>
    public float* Scales;

    public readonly int Blocks => (Width + BlockSize - 1) / BlockSize;

    /// <summary>Inputs, up to the end of the last block.</summary>
    public readonly int PaddedWidth => Blocks * BlockSize;

    public readonly int Groups => (Outputs + GroupOutputs - 1) / GroupOutputs;

    /// <summary>Copies weights as MatMulNBits has them.</summary>
    /// <param name="codes">Shape [outputs, blocks, blockSize / 2]; the even input is in the low nibble.</param>
    /// <param name="scales">Shape [outputs, blocks].</param>
    /// <param name="width">Inputs.</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <param name="blockSize">A multiple of <see cref="UnitInputs"/>.</param>
    /// <returns>To be given to <see cref="Free"/>.</returns>
    public static PackedWeights* Pack(
        ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, int width, int outputs, int blockSize)
    {
        var shape = new PackedWeights { Width = width, Outputs = outputs, BlockSize = blockSize };
        var rowBytes = shape.PaddedWidth / 2;
        var packed = (PackedWeights*)NativeMemory.AllocZeroed((nuint)sizeof(PackedWeights));
        *packed = shape;
        try
        {
            packed->Codes = (byte*)WeightMemory.Allocate((long)shape.Groups * GroupOutputs * rowBytes);
            packed->Scales = (float*)WeightMemory.Allocate((long)shape.Groups * GroupOutputs * shape.Blocks * sizeof(float));
            for (var output = 0; output < outputs; output++)
            {
                packed->PutCodes(output, codes.Slice(output * rowBytes, rowBytes));
                packed->PutScales(output, scales.Slice(output * shape.Blocks, shape.Blocks));
            }
        }
        catch
        {
            Free(packed);
            throw;
        }

        return packed;
    }

    public static void Free(PackedWeights* weights)
    {
        WeightMemory.Free(weights->Codes);
        WeightMemory.Free(weights->Scales);
        NativeMemory.Free(weights);
    }

    private readonly void PutCodes(int output, ReadOnlySpan<byte> row)
    {
        var (group, lane) = (output / GroupOutputs, output % GroupOutputs);
        var to = (uint*)Codes + ((long)group * (PaddedWidth / 8) * GroupOutputs) + lane;
        foreach (var eight in MemoryMarshal.Cast<byte, uint>(row))
        {
            *to = Spread(eight & 0xFFFF) | (Spread(eight >> 16) << 4);
            to += GroupOutputs;
        }
    }

    // Four nibbles, one in the lower half of each byte.
    private static uint Spread(uint nibbles)
    {
        nibbles = (nibbles | (nibbles << 8)) & 0x00FF00FF;
        return (nibbles | (nibbles << 4)) & 0x0F0F0F0F;
    }

    private readonly void PutScales(int output, ReadOnlySpan<float> row)
    {
        var (group, lane) = (output / GroupOutputs, output % GroupOutputs);
        var to = Scales + ((long)group * Blocks * GroupOutputs) + lane;
        for (var block = 0; block < row.Length; block++)
        {
            to[block * GroupOutputs] = row[block];
        }
    }
}
