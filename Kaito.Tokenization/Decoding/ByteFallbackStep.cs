using System.Text;
using Kaito.Tokenization.Models;

namespace Kaito.Tokenization.Decoding;

/// <summary>
/// Joins runs of tokens <c>&lt;0xHH&gt;</c>: a run of valid UTF-8 becomes its text, any other run one U+FFFD per byte.
/// Which of the two is known only when the run ends, so that a run is held back until then.
/// </summary>
internal sealed class ByteFallbackStep : DecodeStep
{
    private static readonly UTF8Encoding s_strict =
        new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly List<byte> _run = [];

    public override void Push(string token, DecodeTarget target)
    {
        if (ByteFallbackTable.TryParse(token, out var value))
        {
            _run.Add(value);
            return;
        }

        Finish(target);
        target(token);
    }

    public override void Finish(DecodeTarget target)
    {
        if (_run.Count == 0)
        {
            return;
        }

        var bytes = _run.ToArray();
        _run.Clear();
        target(System.Text.Unicode.Utf8.IsValid(bytes) ? s_strict.GetString(bytes) : new('\uFFFD', bytes.Length));
    }
}
