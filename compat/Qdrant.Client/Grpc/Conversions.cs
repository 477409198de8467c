using System.Globalization;

namespace Qdrant.Client.Grpc;

/// <summary>Id of a point: a number or a UUID.</summary>
public partial class PointId
{
    /// <summary>A number.</summary>
    public static implicit operator PointId(ulong id) => new() { Num = id };

    /// <summary>A UUID, written with hyphens.</summary>
    public static implicit operator PointId(Guid id) => new() { Uuid = id.ToString("D", CultureInfo.InvariantCulture) };
}

/// <summary>A JSON value; integers are kept apart from other numbers.</summary>
public partial class Value
{
    /// <summary>A string.</summary>
    public static implicit operator Value(string value) => new() { StringValue = value };

    /// <summary>An integer.</summary>
    public static implicit operator Value(long value) => new() { IntegerValue = value };

    /// <summary>A number.</summary>
    public static implicit operator Value(double value) => new() { DoubleValue = value };

    /// <summary>A truth value.</summary>
    public static implicit operator Value(bool value) => new() { BoolValue = value };

    /// <summary>A list of strings.</summary>
    public static implicit operator Value(string[] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var list = new ListValue();
        list.Values.AddRange(values.Select(static value => (Value)value));
        return new() { ListValue = list };
    }
}

/// <summary>A vector to be stored.</summary>
public partial class Vector
{
    /// <summary>A dense vector, shape [dimensions].</summary>
    public static implicit operator Vector(float[] values) => new() { Dense = new() { Data = { values } } };

    /// <summary>A sparse vector: values at different indices, as many of the one as of the other.</summary>
    public static implicit operator Vector((float[] Values, uint[] Indices) sparse) =>
        new() { Sparse = new() { Values = { sparse.Values }, Indices = { sparse.Indices } } };
}

/// <summary>The vectors of a point to be stored.</summary>
public partial class Vectors
{
    /// <summary>By name; a point may lack some of its collection's, or all.</summary>
    public static implicit operator Vectors(Dictionary<string, Vector> vectors)
    {
        var named = new NamedVectors();
        named.Vectors.Add(vectors);
        return new() { Vectors_ = named };
    }
}

/// <summary>What to look for.</summary>
public partial class VectorInput
{
    /// <summary>A dense vector, shape [dimensions].</summary>
    public static implicit operator VectorInput(float[] values) => new() { Dense = new() { Data = { values } } };

    /// <summary>A sparse vector: values at different indices, as many of the one as of the other.</summary>
    public static implicit operator VectorInput((float[] Values, uint[] Indices) sparse) =>
        new() { Sparse = new() { Values = { sparse.Values }, Indices = { sparse.Indices } } };
}

/// <summary>How to rank points.</summary>
public partial class Query
{
    /// <summary>Nearest to a dense vector, shape [dimensions].</summary>
    public static implicit operator Query(float[] values) => new() { Nearest = values };

    /// <summary>Nearest to a sparse vector.</summary>
    public static implicit operator Query((float[] Values, uint[] Indices) sparse) => new() { Nearest = sparse };
}

/// <summary>Which members of payloads to answer with.</summary>
public partial class WithPayloadSelector
{
    /// <summary>All or nothing.</summary>
    public static implicit operator WithPayloadSelector(bool enable) => new() { Enable = enable };

    /// <summary>Only these.</summary>
    public static implicit operator WithPayloadSelector(string[] fields) => new() { Include = new() { Fields = { fields } } };
}

/// <summary>Which vectors to answer with.</summary>
public partial class WithVectorsSelector
{
    /// <summary>All or nothing.</summary>
    public static implicit operator WithVectorsSelector(bool enable) => new() { Enable = enable };

    /// <summary>Only these.</summary>
    public static implicit operator WithVectorsSelector(string[] names) => new() { Include = new() { Names = { names } } };
}

/// <summary>A stored vector.</summary>
public partial class VectorOutput
{
    /// <summary>The dense vector, from whichever fields the server's version fills; <see langword="null"/> if it is none.</summary>
    public DenseVector? GetDenseVector()
    {
        if (VectorCase != VectorOneofCase.None)
        {
            return Dense;
        }

#pragma warning disable CS0612 // What servers up to 1.16 fill.
        return Data.Count > 0 && Indices is null ? new() { Data = { Data } } : null;
#pragma warning restore CS0612
    }
}
