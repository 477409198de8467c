using System.Text;
using Kaito.Tokenization.PreTokenization;

namespace Kaito.Tokenization.Decoding;

/// <summary>
/// Turns the characters of byte-level tokens back into bytes. A token with any other character is an added one and
/// stands for its own UTF-8.
/// </summary>
internal sealed class ByteLevelStep : DecodeStep
{
    private readonly Utf8Assembler _assembler = new();

    public static bool TryGetBytes(string token, Span<byte> bytes)
    {
        for (var index = 0; index < token.Length; index++)
        {
            if (!ByteCharacters.TryToByte(token[index], out bytes[index]))
            {
                return false;
            }
        }

        return true;
    }

    public override void Push(string token, DecodeTarget target)
    {
        var room = token.Length <= 256 ? stackalloc byte[256] : new byte[token.Length];
        var bytes = TryGetBytes(token, room) ? room[..token.Length] : Encoding.UTF8.GetBytes(token);
        foreach (var value in bytes)
        {
            _assembler.Add(value);
        }

        Emit(target);
    }

    public override void Finish(DecodeTarget target)
    {
        _assembler.Finish();
        Emit(target);
    }

    private void Emit(DecodeTarget target)
    {
        if (_assembler.Take() is { Length: > 0 } text)
        {
            target(text);
        }
    }
}
