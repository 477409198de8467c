using System.Globalization;

namespace Kaito.Core;

/// <summary>A number of bytes that cannot be mistaken for a count of something else.</summary>
/// <param name="Bytes">Not negative.</param>
public readonly record struct ByteSize(long Bytes) : IComparable<ByteSize>
{
    private const double BytesPerGi = 1024d * 1024 * 1024;

    /// <summary>In GiB (2^30 bytes).</summary>
    public double Gi => Bytes / BytesPerGi;

    /// <summary>From GiB (2^30 bytes), rounded up to a whole byte as Kubernetes quantities are.</summary>
    public static ByteSize FromGi(double gi) => new((long)Math.Ceiling(Math.Round(gi * BytesPerGi, 3)));

    /// <summary>Reads a quantity in GiB such as <c>27.31Gi</c>; the form of the embedded tables.</summary>
    /// <exception cref="FormatException">The text is anything else.</exception>
    public static ByteSize ParseGi(string text) =>
        text.EndsWith("Gi", StringComparison.Ordinal)
            && double.TryParse(
                text.AsSpan(..^2), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var gi)
            ? FromGi(gi)
            : throw new FormatException($"\"{text}\" is not a size in Gi.");

    /// <inheritdoc/>
    public int CompareTo(ByteSize other) => Bytes.CompareTo(other.Bytes);

    /// <summary>
    /// The shortest exact Kubernetes quantity for whole GiB, e.g. <c>80Gi</c>, else GiB with two decimals.
    /// </summary>
    public override string ToString() => Gi.ToString("0.##", CultureInfo.InvariantCulture) + "Gi";

    /// <summary>Compares the number of bytes.</summary>
    public static bool operator <(ByteSize left, ByteSize right) => left.Bytes < right.Bytes;

    /// <summary>Compares the number of bytes.</summary>
    public static bool operator >(ByteSize left, ByteSize right) => left.Bytes > right.Bytes;

    /// <summary>Compares the number of bytes.</summary>
    public static bool operator <=(ByteSize left, ByteSize right) => left.Bytes <= right.Bytes;

    /// <summary>Compares the number of bytes.</summary>
    public static bool operator >=(ByteSize left, ByteSize right) => left.Bytes >= right.Bytes;

    /// <summary>So many times as much.</summary>
    public static ByteSize operator *(ByteSize size, long count) => new(size.Bytes * count);
}
