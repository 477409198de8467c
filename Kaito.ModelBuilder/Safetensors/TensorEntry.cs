namespace Kaito.ModelBuilder.Safetensors;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Type">As the header spells it, e.g. <c>BF16</c>.</param>
/// <param name="Shape">Axis lengths; empty for a scalar.</param>
/// <param name="Begin">First byte, from the start of the file.</param>
/// <param name="End">Byte after the last.</param>
internal sealed record TensorEntry(string Type, IReadOnlyList<long> Shape, long Begin, long End)
{
    /// <summary>Bytes of one element.</summary>
    public static int? SizeOf(string type) => type switch
    {
        "BOOL" or "U8" or "I8" or "F8_E5M2" or "F8_E4M3" or "F8_E8M0" => 1,
        "U16" or "I16" or "F16" or "BF16" => 2,
        "U32" or "I32" or "F32" => 4,
        "U64" or "I64" or "F64" or "C64" => 8,
        _ => null,
    };
}
