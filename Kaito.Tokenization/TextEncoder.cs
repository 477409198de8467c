using Kaito.Tokenization.AddedTokens;
using Kaito.Tokenization.PreTokenization;

namespace Kaito.Tokenization;

/// <summary>
/// Text to ids: added tokens in raw text, normalizer, added tokens in normalized text, pieces, model.
/// </summary>
internal sealed class TextEncoder(TokenizerParts parts)
{
    public void Encode(string text, TrustMap trust, List<int> ids)
    {
        var matches = new List<AddedTokenMatch>();
        parts.Added.Raw.Find(text, trust, matches);
        var at = 0;
        foreach (var match in matches)
        {
            EncodeStretch(text, at, match.Start, trust, ids);
            ids.Add(match.Token.Id);
            at = match.End;
        }

        EncodeStretch(text, at, text.Length, trust, ids);
    }

    private void EncodeStretch(string text, int start, int end, TrustMap trust, List<int> ids)
    {
        if (start == end)
        {
            return;
        }

        var raw = text[start..end];
        var normalized = parts.Normalizer.Normalize(raw);
        var matches = new List<AddedTokenMatch>();
        if (!parts.Added.Normalized.IsEmpty)
        {
            FindNormalized(raw, normalized, (start, end), trust, matches);
        }

        var at = 0;
        foreach (var match in matches)
        {
            EncodePlain(normalized, at, match.Start, start == 0, ids);
            ids.Add(match.Token.Id);
            at = match.End;
        }

        EncodePlain(normalized, at, normalized.Length, start == 0, ids);
    }

    // Trust is known for raw text. A boundary's place in normalized text is the length of what stands before it,
    // normalized; if that is no prefix of the whole, nothing in the stretch is trusted.
    private void FindNormalized(
        string raw,
        string normalized,
        (int Start, int End) stretch,
        TrustMap trust,
        List<AddedTokenMatch> matches)
    {
        if (trust.Covers(stretch.Start, stretch.End) || !trust.Overlaps(stretch.Start, stretch.End))
        {
            var whole = trust.Covers(stretch.Start, stretch.End) ? TrustMap.Everything : TrustMap.Nothing;
            parts.Added.Normalized.Find(normalized, whole, matches);
            return;
        }

        parts.Added.Normalized.Find(normalized, TrustMap.Everything, matches);
        if (!matches.Exists(static match => match.Token.Special))
        {
            return;
        }

        matches.Clear();
        var aligned = true;
        var moved = trust.Rewritten(stretch.Start, stretch.End, place =>
        {
            var before = parts.Normalizer.Normalize(raw[..place]);
            aligned &= normalized.StartsWith(before, StringComparison.Ordinal);
            return Math.Min(before.Length, normalized.Length);
        });
        parts.Added.Normalized.Find(normalized, aligned ? moved : TrustMap.Nothing, matches);
    }

    private void EncodePlain(string text, int start, int end, bool atTextStart, List<int> ids)
    {
        if (start == end)
        {
            return;
        }

        var pieces = new List<Piece>();
        parts.PreTokenizer.Cut(new(text.AsMemory(start, end - start), atTextStart && start == 0), pieces);
        foreach (var piece in pieces)
        {
            if (piece.Text.Length > 0)
            {
                parts.Model.Encode(piece.Text.Span, ids);
            }
        }
    }
}
