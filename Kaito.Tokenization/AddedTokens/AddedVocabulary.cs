using System.Collections.Frozen;
using Kaito.Tokenization.Normalization;

namespace Kaito.Tokenization.AddedTokens;

/// <summary>All added tokens of a tokenizer: those found in raw text and those found in normalized text.</summary>
internal sealed class AddedVocabulary
{
    private readonly FrozenDictionary<string, AddedToken> _byContent;
    private readonly FrozenDictionary<int, AddedToken> _byId;

    /// <param name="tokens">In file order; a later entry of the same spelling replaces an earlier one.</param>
    /// <param name="normalizer">Rewrites the spellings that are looked for in normalized text.</param>
    public AddedVocabulary(IEnumerable<AddedToken> tokens, Normalizer normalizer)
    {
        var byContent = new Dictionary<string, AddedToken>(StringComparer.Ordinal);
        foreach (var token in tokens)
        {
            byContent[token.Content] = token;
        }

        _byContent = byContent.ToFrozenDictionary(StringComparer.Ordinal);
        _byId = byContent.Values.GroupBy(static token => token.Id)
            .ToFrozenDictionary(static group => group.Key, static group => group.Last());
        Raw = new(byContent.Values
            .Where(static token => !token.Normalized)
            .Select(static token => (token.Content, token)));
        Normalized = new(byContent.Values.Where(static token => token.Normalized)
            .Select(token => (normalizer.Normalize(token.Content), token)));
        Special = byContent.Values.Where(static token => token.Special).Select(static token => token.Id).ToFrozenSet();
    }

    public AddedTokenMatcher Raw { get; }

    public AddedTokenMatcher Normalized { get; }

    /// <summary>Ids of the control tokens.</summary>
    public FrozenSet<int> Special { get; }

    public IEnumerable<AddedToken> Tokens => _byId.Values;

    public int HighestId => _byId.Count == 0 ? -1 : _byId.Keys.Max();

    public int? Id(string content) => _byContent.TryGetValue(content, out var token) ? token.Id : null;

    public AddedToken? Find(int id) => _byId.GetValueOrDefault(id);
}
