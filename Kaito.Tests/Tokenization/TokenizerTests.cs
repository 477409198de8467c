using System.Text;
using Kaito.Tokenization;

namespace Kaito.Tests.Tokenization;

public sealed class TokenizerTests
{
    public static TheoryData<string> Kinds =>
    [
        "added-token-flags", "bert-cased", "bert-uncased", "falcon-digits", "gemma-never", "gpt2", "llama2-first",
        "llama3", "mistral-always", "qwen2", "xlmr-unigram",
    ];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Encode_HardStrings_MatchesReference(string kind)
    {
        var tokenizer = TokenizerGolden.Load(kind);

        Assert.All(TokenizerGolden.Cases(kind), entry =>
        {
            Assert.Equal(entry.Ids, tokenizer.Encode(entry.Text, addSpecialTokens: false, SpecialTokenPolicy.Parse));
            Assert.Equal(
                entry.IdsSpecial, tokenizer.Encode(entry.Text, addSpecialTokens: true, SpecialTokenPolicy.Parse));
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

    [Theory]
    [MemberData(nameof(Kinds))]
    public void CreateStream_RandomTokens_EqualsDecode(string kind)
    {
        var tokenizer = TokenizerGolden.Load(kind);
        var random = new Random(7);

        for (var round = 0; round < 300; round++)
        {
            var count = 1 + (round % 20);
            var tokens = Enumerable.Range(0, count).Select(_ => random.Next(tokenizer.VocabularySize)).ToArray();
            foreach (var skip in (bool[])[false, true])
            {
                Assert.Equal(tokenizer.Decode(tokens, skip), Streamed(tokenizer, tokens, skip));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Encode_SpecialTokensAsText_YieldsNoSpecialToken(string kind)
    {
        var tokenizer = TokenizerGolden.Load(kind);

        Assert.All(TokenizerGolden.Cases(kind), entry => Assert.DoesNotContain(
            tokenizer.Encode($"<s>{entry.Text}<|im_start|>", addSpecialTokens: false),
            id => tokenizer.IsSpecial(id) && id != tokenizer.TokenId("<unk>") && id != tokenizer.TokenId("[UNK]")));
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama2-first")]
    public void Encode_OneMegabyteOfOneLetter_DecodesToItself(string kind)
    {
        var tokenizer = TokenizerGolden.Load(kind);
        var text = new string('a', 1 << 20);

        var ids = tokenizer.Encode(text, addSpecialTokens: false);

        Assert.Equal(text, tokenizer.Decode(ids, skipSpecialTokens: false));
    }

    [Fact]
    public void TokenBytes_ByteLevelText_JoinToItsUtf8()
    {
        var tokenizer = TokenizerGolden.Load("qwen2");
        const string Text = "héllo 你好 💰";

        var ids = tokenizer.Encode(Text, addSpecialTokens: false);
        var bytes = ids.SelectMany(id => tokenizer.TokenBytes(id).ToArray());

        Assert.Equal(Encoding.UTF8.GetBytes(Text), bytes.ToArray());
    }

    [Fact]
    public void Load_FolderWithoutTokenizer_NamesTheFile()
    {
        var error = Assert.Throws<TokenizerException>(() => Tokenizer.Load(TokenizerGolden.Folder("no-such-kind")));

        Assert.Contains("tokenizer.json does not exist", error.Message, StringComparison.Ordinal);
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
