using System.Globalization;
using Kaito.Tokenization.AddedTokens;

namespace Kaito.Tokenization.Loading;

/// <summary>
/// Collects added tokens from <c>added_tokens</c> of tokenizer.json and from tokenizer_config.json, which adds missing
/// ones and decides about flags.
/// </summary>
internal sealed class AddedTokenLoader(IReadOnlyDictionary<string, int> vocabulary)
{
    private readonly Dictionary<string, AddedToken> _tokens = new(StringComparer.Ordinal);
    private int _nextId = vocabulary.Count;

    public IReadOnlyCollection<AddedToken> Tokens => _tokens.Values;

    /// <summary>Adds the array of tokenizer.json. The ids of new tokens follow the vocabulary in file order.</summary>
    public void AddFile(JsonField tokens)
    {
        if (tokens.IsNull)
        {
            return;
        }

        foreach (var token in tokens.Items())
        {
            Add(token, token["content"].Text(), token["id"].Number());
        }
    }

    /// <summary>Adds <c>added_tokens_decoder</c> and the named special tokens of tokenizer_config.json.</summary>
    public void AddConfiguration(JsonField config)
    {
        if (config["added_tokens_decoder"] is { IsNull: false } decoder)
        {
            foreach (var (name, token) in decoder.Members().OrderBy(static member => Id(member.Name, member.Value)))
            {
                Add(token, token["content"].Text(), Id(name, token));
            }
        }

        foreach (var content in SpecialTokenNames.All(config))
        {
            Mark(content);
        }
    }

    private static int Id(string name, JsonField token) =>
        int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            ? id
            : throw token.Invalid("its name must be a token id");

    private void Add(JsonField token, string content, int declaredId)
    {
        if (content.Length == 0)
        {
            return;
        }

        var special = token["special"].Flag(false);
        _tokens[content] = new()
        {
            Id = Assign(token, content, declaredId),
            Content = content,
            SingleWord = token["single_word"].Flag(false),
            TakesLeft = token["lstrip"].Flag(false),
            TakesRight = token["rstrip"].Flag(false),
            Normalized = token["normalized"].Flag(!special),
            Special = special,
        };
    }

    // A spelling of the vocabulary keeps its id there. Files with gaps are accepted when the declared id is free.
    private int Assign(JsonField token, string content, int declaredId)
    {
        if (vocabulary.TryGetValue(content, out var known))
        {
            return known;
        }

        if (_tokens.TryGetValue(content, out var earlier))
        {
            return earlier.Id;
        }

        if (declaredId < _nextId)
        {
            throw token.Invalid($"id {declaredId} of '{content}' belongs to another token");
        }

        _nextId = declaredId + 1;
        return declaredId;
    }

    private void Mark(string content)
    {
        if (_tokens.TryGetValue(content, out var token))
        {
            _tokens[content] = token with { Special = true };
        }
        else if (vocabulary.TryGetValue(content, out var id))
        {
            _tokens[content] = new() { Id = id, Content = content, Special = true };
        }
    }
}
