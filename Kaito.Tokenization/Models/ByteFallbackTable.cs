using System.Collections.Frozen;
using System.Globalization;

namespace Kaito.Tokenization.Models;

/// <summary>The ids of the tokens <c>&lt;0x00&gt;</c> … <c>&lt;0xFF&gt;</c>.</summary>
internal sealed class ByteFallbackTable
{
    private const int Missing = -1;

    private readonly int[] _ids = new int[256];

    public ByteFallbackTable(FrozenDictionary<string, int> vocabulary)
    {
        for (var value = 0; value < _ids.Length; value++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>");
            _ids[value] = vocabulary.TryGetValue(name, out var id) ? id : Missing;
        }
    }

    /// <summary>The byte that a token of this spelling stands for.</summary>
    public static bool TryParse(ReadOnlySpan<char> token, out byte value)
    {
        value = 0;
        return token.Length == 6
            && token.StartsWith("<0x")
            && token[5] == '>'
            && byte.TryParse(token[3..5], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>The id of one byte; false when the vocabulary does not have it.</summary>
    public bool TryGet(byte value, out int id)
    {
        id = _ids[value];
        return id != Missing;
    }

    /// <summary>True when every byte has a token.</summary>
    public bool Covers(ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            if (_ids[value] == Missing)
            {
                return false;
            }
        }

        return true;
    }
}
