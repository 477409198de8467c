using System.Text;

namespace Kaito.Tokenization.PreTokenization;

/// <summary>
/// The printable character that stands for each byte in byte-level vocabularies: printable Latin-1 for itself, the
/// other 68 bytes in order from U+0100.
/// </summary>
internal static class ByteCharacters
{
    private const char FirstSubstitute = '\u0100';

    private static readonly char[] s_characters = Build();
    private static readonly short[] s_bytes = Invert(s_characters);

    public static char FromByte(byte value) => s_characters[value];

    /// <summary>False when the character stands for no byte.</summary>
    public static bool TryToByte(char character, out byte value)
    {
        var found = character < s_bytes.Length ? s_bytes[character] : (short)-1;
        value = unchecked((byte)found);
        return found >= 0;
    }

    /// <summary>The UTF-8 bytes of a text, each as its character.</summary>
    public static string FromText(ReadOnlySpan<char> text) =>
        string.Create(Encoding.UTF8.GetByteCount(text), text, static (target, text) =>
        {
            Span<byte> utf8 = stackalloc byte[4];
            var at = 0;
            foreach (var rune in text.EnumerateRunes())
            {
                foreach (var value in utf8[..rune.EncodeToUtf8(utf8)])
                {
                    target[at++] = s_characters[value];
                }
            }
        });

    private static char[] Build()
    {
        var characters = new char[256];
        var substitute = FirstSubstitute;
        for (var value = 0; value < characters.Length; value++)
        {
            characters[value] = value is (>= 0x21 and <= 0x7E) or (>= 0xA1 and <= 0xAC) or >= 0xAE
                ? (char)value
                : substitute++;
        }

        return characters;
    }

    private static short[] Invert(char[] characters)
    {
        var bytes = new short[characters.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (var value = 0; value < characters.Length; value++)
        {
            bytes[characters[value]] = (short)value;
        }

        return bytes;
    }
}
