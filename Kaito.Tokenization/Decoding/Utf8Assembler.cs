using System.Buffers;
using System.Text;

namespace Kaito.Tokenization.Decoding;

/// <summary>Collects bytes into characters; holds back at most three bytes of an unfinished character.</summary>
internal sealed class Utf8Assembler
{
    private readonly byte[] _pending = new byte[4];
    private readonly StringBuilder _text = new();
    private int _count;

    public void Add(byte value)
    {
        _pending[_count++] = value;
        while (_count > 0)
        {
            var status = Rune.DecodeFromUtf8(_pending.AsSpan(0, _count), out var rune, out var consumed);
            if (status == OperationStatus.NeedMoreData)
            {
                return;
            }

            // An invalid start is one U+FFFD; what follows it may begin a character.
            Append(rune);
            _pending.AsSpan(consumed, _count - consumed).CopyTo(_pending);
            _count -= consumed;
        }
    }

    /// <summary>Removes and returns the complete characters.</summary>
    public string Take()
    {
        var text = _text.ToString();
        _text.Clear();
        return text;
    }

    /// <summary>Turns an unfinished character into one U+FFFD.</summary>
    public void Finish()
    {
        if (_count > 0)
        {
            Append(Rune.ReplacementChar);
            _count = 0;
        }
    }

    private void Append(Rune rune)
    {
        Span<char> units = stackalloc char[2];
        _text.Append(units[..rune.EncodeToUtf16(units)]);
    }
}
