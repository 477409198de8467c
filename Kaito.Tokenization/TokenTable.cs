using System.Text;
using Kaito.Tokenization.Decoding;
using Kaito.Tokenization.Models;

namespace Kaito.Tokenization;

/// <summary>Token ids to spellings and bytes.</summary>
internal sealed class TokenTable
{
    private readonly string?[] _spellings;
    private readonly byte[]?[] _bytes;
    private readonly TokenizerParts _parts;

    public TokenTable(TokenizerParts parts)
    {
        _parts = parts;
        var highest = Math.Max(parts.Added.HighestId, parts.Model.Vocabulary.Values.Max());
        _spellings = new string?[highest + 1];
        _bytes = new byte[]?[highest + 1];
        foreach (var (spelling, id) in parts.Model.Vocabulary)
        {
            _spellings[id] = spelling;
        }

        foreach (var token in parts.Added.Tokens)
        {
            _spellings[token.Id] = token.Normalized ? parts.Normalizer.Normalize(token.Content) : token.Content;
        }
    }

    public int Count => _spellings.Length;

    /// <summary>What the decoder gets; null for ids without a token and for special ones that are left out.</summary>
    public string? Spelling(int id, bool skipSpecialTokens) =>
        (uint)id >= (uint)_spellings.Length || (skipSpecialTokens && _parts.Added.Special.Contains(id))
            ? null
            : _spellings[id];

    public ReadOnlySpan<byte> Bytes(int id)
    {
        if ((uint)id >= (uint)_spellings.Length || _spellings[id] is not { } spelling)
        {
            return [];
        }

        return Volatile.Read(ref _bytes[id]) ?? (_bytes[id] = Compute(id, spelling));
    }

    private byte[] Compute(int id, string spelling)
    {
        if (_parts.Added.Find(id) is { } added)
        {
            return Encoding.UTF8.GetBytes(added.Content);
        }

        if (ByteFallbackTable.TryParse(spelling, out var value) && _parts.Decoder.ByteFallback)
        {
            return [value];
        }

        if (_parts.Decoder.ByteLevel)
        {
            var bytes = new byte[spelling.Length];
            return ByteLevelStep.TryGetBytes(spelling, bytes) ? bytes : Encoding.UTF8.GetBytes(spelling);
        }

        // As inside a text: what a decoder does to the first token only does not count.
        var chain = _parts.Decoder.Start();
        chain.Push("a");
        chain.Push(spelling);
        chain.Push("a");
        chain.Finish();
        var text = chain.Take();
        return Encoding.UTF8.GetBytes(text.Length >= 2 ? text[1..^1] : text);
    }
}
