using System.Diagnostics;
using Kaito.Tokenization.Patterns;

namespace Kaito.Tokenization.PreTokenization;

/// <summary>What becomes of the text that a splitting pattern matches.</summary>
internal enum SplitBehavior
{
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

/// <summary>Cuts at the matches of a pattern.</summary>
/// <param name="pattern">What a delimiter looks like.</param>
/// <param name="behavior">What becomes of delimiters.</param>
/// <param name="invert">Swaps delimiters and the text between them.</param>
internal sealed class SplitPreTokenizer(PatternMatcher pattern, SplitBehavior behavior, bool invert) : PreTokenizer
{
    public override void Cut(Piece piece, List<Piece> pieces)
    {
        var spans = Spans(piece.Text.Span);
        switch (behavior)
        {
            case SplitBehavior.Removed:
                spans.RemoveAll(static span => span.Delimiter);
                break;
            case SplitBehavior.Isolated:
                break;
            case SplitBehavior.Contiguous:
                spans = Join(spans, static (last, next) => last.Delimiter == next.Delimiter);
                break;
            case SplitBehavior.MergedWithPrevious:
                spans = Join(spans, static (last, next) => next.Delimiter && !last.Delimiter);
                break;
            case SplitBehavior.MergedWithNext:
                spans = Join(spans, static (last, next) => last.Delimiter && !next.Delimiter);
                break;
            default:
                throw new UnreachableException();
        }

        foreach (var span in spans)
        {
            pieces.Add(new(piece.Text[span.Start..span.End], piece.AtTextStart && span.Start == 0));
        }
    }

    // A joined span is a delimiter when its last part is one: a--b- merged with next is a, -, -b, -.
    private static List<Stretch> Join(List<Stretch> spans, Func<Stretch, Stretch, bool> together)
    {
        var joined = new List<Stretch>(spans.Count);
        foreach (var span in spans)
        {
            if (joined.Count > 0 && together(joined[^1], span))
            {
                joined[^1] = new(joined[^1].Start, span.End, span.Delimiter);
            }
            else
            {
                joined.Add(span);
            }
        }

        return joined;
    }

    private List<Stretch> Spans(ReadOnlySpan<char> text)
    {
        var spans = new List<Stretch>();
        var end = 0;
        pattern.ForEachMatch(text, (start, length) =>
        {
            AddGap(spans, end, start);
            spans.Add(new(start, start + length, !invert));
            end = start + length;
        });
        AddGap(spans, end, text.Length);
        return spans;
    }

    private void AddGap(List<Stretch> spans, int start, int end)
    {
        if (end > start)
        {
            spans.Add(new(start, end, invert));
        }
    }

    private readonly record struct Stretch(int Start, int End, bool Delimiter);
}
