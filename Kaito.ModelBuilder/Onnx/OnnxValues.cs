namespace Kaito.ModelBuilder.Onnx;

/// <summary>TensorProto.DataType, the members we write.</summary>
internal enum OnnxType
{
    Float32 = 1,
    UInt8 = 2,
    Int32 = 6,
    Int64 = 7,
}

/// <summary>One axis of a graph input or output: a length, or a name for a length known at run time.</summary>
internal readonly record struct OnnxAxis(long Length, string? Name)
{
    public static implicit operator OnnxAxis(int length) => new(length, null);

    public static implicit operator OnnxAxis(string name) => new(0, name);
}

/// <summary>One attribute of a node: exactly one of <paramref name="Integer"/> and <paramref name="Float"/>.</summary>
internal readonly record struct OnnxAttribute(string Name, long? Integer, float? Float)
{
    public static implicit operator OnnxAttribute((string Name, long Value) attribute) =>
        new(attribute.Name, attribute.Value, null);

    public static implicit operator OnnxAttribute((string Name, float Value) attribute) =>
        new(attribute.Name, null, attribute.Value);
}
