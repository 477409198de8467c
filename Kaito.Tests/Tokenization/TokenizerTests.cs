using System.Text;
using Kaito.Tokenization;

namespace Kaito.Tests.Tokenization;

public sealed class TokenizerTests
{
    public static TheoryData<string> Kinds =>
    [
        "added-token-flags", "falcon-digits", "gemma-never", "gpt2", "llama2-first", "llama3", "mistral-always", "qwen2",
    ];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Encode_HardStrings_MatchesReference(string kind)
    {
        var tokenizer = TokenizerGolden.Load(kind);

        Assert.All(TokenizerGolden.Cases(kind), entry =>
        {
            Assert.Equal(entry.Ids, tokenizer.Encode(entry.Text, addSpecialTokens: false, SpecialTokenPolicy.Parse));
            Assert.Equal(entry.IdsSpecial, tokenizer.Encode(entry.Text, addSpecialTokens: true, SpecialTokenPolicy.Parse));
        });
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Decode_HardStrings_MatchesReference(string kind)
    {
        var tokenizer = TokenizerGolden.Load(kind);

        Assert.All(TokenizerGolden.Cases(kind), entry =>
        {
            Assert.Equal(entry.Decoded, tokenizer.Decode(entry.IdsSpecial, skipSpecialTokens: false));
            Assert.Equal(entry.DecodedSkip, tokenizer.Decode(entry.IdsSpecial, skipSpecialTokens: true));
        });
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void CreateStream_HardStrings_EqualsDecode(string kind)
    {
        var tokenizer = TokenizerGolden.Load(kind);

        Assert.All(TokenizerGolden.Cases(kind), entry =>
        {
            Assert.Equal(entry.Decoded, Streamed(tokenizer, entry.IdsSpecial, skipSpecialTokens: false));
            Assert.Equal(entry.DecodedSkip, Streamed(tokenizer, entry.IdsSpecial, skipSpecialTokens: true));
        });
    }

    private static string Streamed(Tokenizer tokenizer, IEnumerable<int> tokens, bool skipSpecialTokens)
    {
        var stream = tokenizer.CreateStream(skipSpecialTokens);
        var text = new StringBuilder();
        foreach (var token in tokens)
        {
            text.Append(stream.Append(token));
        }

        return text.Append(stream.Flush()).ToString();
    }
}
