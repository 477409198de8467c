using Kaito.Tokenization.AddedTokens;
using Kaito.Tokenization.Loading;

namespace Kaito.Tokenization;

/// <summary>
/// Text to token ids and back, as the files of a model folder describe it. Immutable: one instance serves all threads.
/// </summary>
public sealed class Tokenizer
{
    private readonly TokenizerParts _parts;
    private readonly TextEncoder _encoder;
    private readonly TokenTable _tokens;

    internal Tokenizer(TokenizerParts parts)
    {
        _parts = parts;
        _encoder = new(parts);
        _tokens = new(parts);
    }

    /// <summary>One more than the highest token id. A model's logits may have more columns, never fewer.</summary>
    public int VocabularySize => _tokens.Count;

    /// <summary>
    /// The special tokens that have a name, such as <c>bos_token</c> to <c>&lt;s&gt;</c>, as chat templates expect
    /// them.
    /// </summary>
    public IReadOnlyDictionary<string, string> SpecialTokens => _parts.SpecialTokens;

    /// <summary>Reads tokenizer.json and, where present, tokenizer_config.json and special_tokens_map.json.</summary>
    /// <param name="folder">The model folder.</param>
    /// <exception cref="TokenizerException">A file is missing, malformed or needs something unsupported.</exception>
    public static Tokenizer Load(string folder) => new(TokenizerLoader.Load(folder));

    /// <summary>The ids of one text of one origin.</summary>
    /// <param name="text">Any text; unpaired surrogates count as U+FFFD.</param>
    /// <param name="addSpecialTokens">Puts the model's own start and end tokens around it.</param>
    /// <param name="specials">Whether special tokens that are spelled out in the text are parsed.</param>
    public int[] Encode(string text, bool addSpecialTokens, SpecialTokenPolicy specials = SpecialTokenPolicy.AsText)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Encode(text, TrustMap.For(specials), addSpecialTokens);
    }

    /// <summary>
    /// The ids of one text with the model's own start and end tokens around it, cut so that there are no more than
    /// asked for: what goes is the end of the text, not the end tokens.
    /// </summary>
    /// <param name="text">Any text; special tokens written in it stay plain text.</param>
    /// <param name="mostTokens">Most ids to return, 1 or more.</param>
    /// <param name="addSpecialTokens">Puts the model's own start and end tokens around it.</param>
    /// <param name="total">How many ids the whole text has.</param>
    public int[] EncodeTruncated(string text, int mostTokens, bool addSpecialTokens, out int total)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(mostTokens, 1);
        var ids = Encode(text, addSpecialTokens);
        total = ids.Length;
        if (total <= mostTokens)
        {
            return ids;
        }

        var ends = addSpecialTokens ? _parts.Frame.After.Count : 0;
        return ends >= mostTokens ? ids[..mostTokens] : [.. ids[..(mostTokens - ends)], .. ids[^ends..]];
    }

    /// <summary>
    /// The ids of a prompt of mixed origin. Equal to encoding the joined text with special tokens parsed, except that
    /// no special token comes out of an untrusted segment, nor from one that an untrusted segment helps to spell.
    /// </summary>
    /// <param name="segments">The prompt in order, e.g. from <see cref="ChatTemplate.RenderSegments"/>.</param>
    /// <param name="addSpecialTokens">
    /// Puts the model's own start and end tokens around it; false for a rendered chat template, which writes them.
    /// </param>
    public int[] Encode(IReadOnlyList<TextSegment> segments, bool addSpecialTokens)
    {
        ArgumentNullException.ThrowIfNull(segments);
        var text = string.Concat(segments.Select(static segment => segment.Text));
        return Encode(text, TrustMap.For(segments), addSpecialTokens);
    }

    /// <summary>The text of a sequence. Ids outside the vocabulary are skipped; invalid UTF-8 becomes U+FFFD.</summary>
    /// <param name="tokens">Ids from the start of a text.</param>
    /// <param name="skipSpecialTokens">Leaves special tokens out.</param>
    public string Decode(ReadOnlySpan<int> tokens, bool skipSpecialTokens)
    {
        var chain = _parts.Decoder.Start();
        foreach (var token in tokens)
        {
            if (_tokens.Spelling(token, skipSpecialTokens) is { } spelling)
            {
                chain.Push(spelling);
            }
        }

        chain.Finish();
        return chain.Take();
    }

    /// <summary>The id of a token spelled as in the vocabulary; null when there is none.</summary>
    public int? TokenId(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return _parts.Added.Id(token) ?? (_parts.Model.Vocabulary.TryGetValue(token, out var id) ? id : null);
    }

    /// <summary>True for control tokens, which <see cref="Decode"/> leaves out on request.</summary>
    public bool IsSpecial(int token) => _parts.Added.Special.Contains(token);

    /// <summary>
    /// The bytes that one token stands for; they need not be whole characters. Empty for an id outside the vocabulary.
    /// </summary>
    public ReadOnlySpan<byte> TokenBytes(int token) => _tokens.Bytes(token);

    /// <summary>Starts decoding a sequence that arrives token by token.</summary>
    /// <param name="skipSpecialTokens">Leaves special tokens out.</param>
    /// <returns>State of one sequence, for one thread at a time.</returns>
    public DetokenizerStream CreateStream(bool skipSpecialTokens) =>
        new(_parts.Decoder.Start(), _tokens, skipSpecialTokens);

    private int[] Encode(string text, TrustMap trust, bool addSpecialTokens)
    {
        var ids = new List<int>();
        if (addSpecialTokens)
        {
            ids.AddRange(_parts.Frame.Before);
        }

        _encoder.Encode(text, trust, ids);
        if (addSpecialTokens)
        {
            ids.AddRange(_parts.Frame.After);
        }

        return [.. ids];
    }
}
