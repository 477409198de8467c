using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Kaito.Tokenization.Normalization;

/// <summary>
/// SentencePiece's compiled rewriting rules: a double array that finds the rule for the start of some bytes, and the
/// replacements, each ended by NUL.
/// </summary>
internal sealed class CharacterMap
{
    private readonly uint[] _units;
    private readonly string?[] _replacements;

    private CharacterMap(uint[] units, string?[] replacements) => (_units, _replacements) = (units, replacements);

    /// <param name="bytes">The size of the double array in bytes, the array, the replacements.</param>
    /// <exception cref="FormatException">The bytes are not such a map; the message says why.</exception>
    public static CharacterMap Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < sizeof(uint))
        {
            throw new FormatException("it is too short");
        }

        var size = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        var rest = bytes[sizeof(uint)..];
        if (size == 0 || size % sizeof(uint) != 0 || size > rest.Length)
        {
            throw new FormatException($"it announces {size} bytes of rules and has {rest.Length}");
        }

        var units = new uint[size / sizeof(uint)];
        for (var at = 0; at < units.Length; at++)
        {
            units[at] = BinaryPrimitives.ReadUInt32LittleEndian(rest[(at * sizeof(uint))..]);
        }

        return new(units, Replacements(rest[(int)size..]));
    }

    /// <summary>What the shortest rule that fits the start of <paramref name="utf8"/> makes of it.</summary>
    /// <returns>Null when no rule fits.</returns>
    public string? Rewrite(ReadOnlySpan<byte> utf8)
    {
        var at = Offset(_units[0]);
        foreach (var value in utf8)
        {
            at ^= value;
            if (value == 0 || at >= (uint)_units.Length || Label(_units[at]) != value)
            {
                return null;
            }

            var leaf = HasLeaf(_units[at]);
            at ^= Offset(_units[at]);
            if (leaf)
            {
                return at < (uint)_units.Length && (_units[at] & 0x7FFFFFFF) is var place
                    && place < _replacements.Length
                    ? _replacements[place]
                    : null;
            }
        }

        return null;
    }

    // By the place of its first byte. A place inside a replacement is its tail, which no file uses.
    private static string?[] Replacements(ReadOnlySpan<byte> bytes)
    {
        var found = new string?[bytes.Length];
        for (var start = 0; start < bytes.Length;)
        {
            var length = bytes[start..].IndexOf((byte)0) is >= 0 and var end ? end : bytes.Length - start;
            found[start] = Encoding.UTF8.GetString(bytes.Slice(start, length));
            start += length + 1;
        }

        return found;
    }

    private static bool HasLeaf(uint unit) => (unit & 0x100) != 0;

    private static uint Label(uint unit) => unit & 0x800000FF;

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);
}

/// <summary>Applies a map to what a reader takes for one character, or else to each code point of it.</summary>
internal sealed class CharacterMapNormalizer(CharacterMap map) : Normalizer
{
    // Longer clusters are rewritten by code points only, as the reference implementation does.
    private const int LongestCluster = 5;

    public override string Normalize(string text)
    {
        var result = new StringBuilder(text.Length);
        Span<byte> utf8 = stackalloc byte[2 * LongestCluster];
        for (var rest = text.AsSpan(); rest.Length > 0;)
        {
            var length = StringInfo.GetNextTextElementLength(rest);
            var cluster = rest[..length];
            rest = rest[length..];
            if (length <= LongestCluster
                && Encoding.UTF8.TryGetBytes(cluster, utf8, out var bytes)
                && bytes <= LongestCluster
                && map.Rewrite(utf8[..bytes]) is { } whole)
            {
                result.Append(whole);
            }
            else
            {
                AppendCharacters(cluster, result);
            }
        }

        return result.ToString();
    }

    private void AppendCharacters(ReadOnlySpan<char> cluster, StringBuilder result)
    {
        Span<byte> utf8 = stackalloc byte[4];
        Span<char> units = stackalloc char[2];
        foreach (var rune in cluster.EnumerateRunes())
        {
            if (map.Rewrite(utf8[..rune.EncodeToUtf8(utf8)]) is { } replacement)
            {
                result.Append(replacement);
            }
            else
            {
                result.Append(units[..rune.EncodeToUtf16(units)]);
            }
        }
    }
}
