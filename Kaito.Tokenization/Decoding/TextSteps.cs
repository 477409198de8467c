using System.Text;

namespace Kaito.Tokenization.Decoding;

/// <summary>Rewrites every token by itself, knowing only whether it is the first.</summary>
internal sealed class RewriteStep(Func<string, bool, string> rewrite) : DecodeStep
{
    private bool _started;

    public override void Push(string token, DecodeTarget target)
    {
        target(rewrite(token, !_started));
        _started = true;
    }
}

/// <summary>Rewrites the whole text, which has to be held back until it ends.</summary>
internal sealed class WholeTextStep(Func<string, string> rewrite) : DecodeStep
{
    private readonly StringBuilder _text = new();

    public override void Push(string token, DecodeTarget target) => _text.Append(token);

    public override void Finish(DecodeTarget target) => target(rewrite(_text.ToString()));
}

/// <summary>Removes up to a number of a character from the start and the end of the whole text.</summary>
internal sealed class StripWholeStep(char content, int start, int stop) : DecodeStep
{
    private int _leading = start;
    private string _tail = "";

    public override void Push(string token, DecodeTarget target)
    {
        var skip = 0;
        while (skip < token.Length && _leading > 0 && token[skip] == content)
        {
            _leading--;
            skip++;
        }

        var text = _tail + token[skip..];
        _leading = text.Length > 0 ? 0 : _leading;
        var keep = text.Length;
        while (text.Length - keep < stop && keep > 0 && text[keep - 1] == content)
        {
            keep--;
        }

        _tail = text[keep..];
        if (keep > 0)
        {
            target(text[..keep]);
        }
    }
}

/// <summary>Turns the marker of a word's end into a space, except after the last token.</summary>
internal sealed class WordEndStep(string suffix) : DecodeStep
{
    private string? _held;

    public override void Push(string token, DecodeTarget target)
    {
        if (_held is not null)
        {
            target(_held.Replace(suffix, " ", StringComparison.Ordinal));
        }

        _held = token;
    }

    public override void Finish(DecodeTarget target)
    {
        if (_held is not null)
        {
            target(_held.Replace(suffix, "", StringComparison.Ordinal));
            _held = null;
        }
    }
}
