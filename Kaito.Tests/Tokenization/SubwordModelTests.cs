using System.Buffers.Binary;
using System.Text;
using Kaito.Tokenization;

namespace Kaito.Tests.Tokenization;

/// <summary>WordPiece and unigram models where the golden strings do not reach.</summary>
public sealed class SubwordModelTests
{
    private const string WordPieceModel =
        """{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":5,"""
        + """ "vocab":{"[UNK]":0,"[CLS]":1,"ab":2,"abc":3,"##c":4,"##d":5,"##de":6,"💰":7,"##💰":8}}""";

    private const string UnigramModel =
        """{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["a",-1],["aa",-2],["b",-3],["<s>",0]]}""";

    private const string ByteModel =
        """{"type":"Unigram","unk_id":0,"byte_fallback":true,"""
        + """ "vocab":[["<unk>",0],["a",-1],["<0xC3>",-9],["<0xA9>",-9]]}""";

    [Theory]
    [InlineData("abcde", new[] { 3, 6 })]
    [InlineData("abcd", new[] { 3, 5 })]
    [InlineData("abd", new[] { 2, 5 })]
    [InlineData("abx", new[] { 0 })]
    [InlineData("abcddd", new[] { 0 })]
    [InlineData("💰💰💰💰💰", new[] { 7, 8, 8, 8, 8 })]
    [InlineData("💰💰💰💰💰💰", new[] { 0 })]
    [InlineData("##c", new[] { 4 })]
    public void Encode_WordPiece_TakesLongestPieceOrNothing(string text, int[] expected) =>
        Assert.Equal(expected, Load(WordPieceModel).Encode(text, addSpecialTokens: false));

    [Theory]
    [InlineData("aa", new[] { 2 })]
    [InlineData("aaa", new[] { 1, 2 })]
    [InlineData("axyb", new[] { 1, 0, 3 })]
    [InlineData("x💰a", new[] { 0, 1 })]
    [InlineData("\uD83D", new[] { 0 })]
    public void Encode_Unigram_TakesBestSum(string text, int[] expected) =>
        Assert.Equal(expected, Load(UnigramModel).Encode(text, addSpecialTokens: false));

    [Theory]
    [InlineData("aé", new[] { 1, 2, 3 })]
    [InlineData("aéx", new[] { 1, 0 })]
    public void Encode_UnigramByteFallback_SpellsBytesWhereAllExist(string text, int[] expected) =>
        Assert.Equal(expected, Load(ByteModel).Encode(text, addSpecialTokens: false));

    [Fact]
    public void Encode_SpecialPieceInPlainText_IsSpelledOut()
    {
        var tokenizer = Load(UnigramModel, added: """[{"id":4,"content":"<s>","special":true}]""");

        Assert.Equal([1, 0, 1], tokenizer.Encode("a<s>a", addSpecialTokens: false));
        Assert.Equal([1, 4, 1], tokenizer.Encode("a<s>a", addSpecialTokens: false, SpecialTokenPolicy.Parse));
    }

    [Theory]
    [InlineData(2, new[] { 2, 3 })]
    [InlineData(1, new[] { 2 })]
    public void EncodeTruncated_FewTokens_KeepsTheFrame(int most, int[] expected)
    {
        var tokenizer = TokenizerGolden.Load("bert-uncased");

        Assert.Equal(expected, tokenizer.EncodeTruncated("rain and snow", most, addSpecialTokens: true, out var total));
        Assert.Equal(tokenizer.Encode("rain and snow", addSpecialTokens: true).Length, total);
    }

    [Fact]
    public void EncodeTruncated_Room_DropsTheEndOfTheText()
    {
        var tokenizer = TokenizerGolden.Load("bert-uncased");
        var whole = tokenizer.Encode("rain and snow", addSpecialTokens: true);

        var cut = tokenizer.EncodeTruncated("rain and snow", whole.Length - 1, addSpecialTokens: true, out _);

        Assert.Equal([.. whole[..^2], whole[^1]], cut);
    }

    // A quadratic step would take hours for any of these, and hold far more than this memory.
    [Theory]
    [InlineData("bert-cased", "a")]
    [InlineData("bert-uncased", "é")]
    [InlineData("bert-uncased", "e\u0316\u0301")]
    [InlineData("bert-uncased", "\u4E00")]
    [InlineData("xlmr-unigram", "a")]
    [InlineData("xlmr-unigram", " ")]
    [InlineData("xlmr-unigram", "\u0301")]
    [InlineData("xlmr-unigram", "the rain ")]
    public void Encode_OneMegabyte_AllocatesInProportion(string kind, string part)
    {
        const int BytesPerCharacter = 1000;
        var tokenizer = TokenizerGolden.Load(kind);
        var text = string.Concat(Enumerable.Repeat(part, (1 << 20) / part.Length));
        _ = tokenizer.Encode("warm", addSpecialTokens: false);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var ids = tokenizer.Encode(text, addSpecialTokens: true);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.InRange(ids.Length, 2, text.Length + 3);
        Assert.InRange(allocated, 0, (long)text.Length * BytesPerCharacter);
    }

    [Fact]
    public void Encode_PrecompiledMap_RewritesClustersAndCharacters()
    {
        var map = Convert.ToBase64String(MapOf(("A", "a"), ("e\u0301", "é"), ("ﬁ", "fi")));
        var tokenizer = Load(
            """{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["a",-1],["fi",-1],["é",-1],["e",-1]]}""",
            $$"""{"type":"Precompiled","precompiled_charsmap":"{{map}}"}""");

        Assert.Equal([1, 1, 2, 3, 4], tokenizer.Encode("Aaﬁe\u0301e", addSpecialTokens: false));
    }

    [Theory]
    [InlineData("AA==")]
    [InlineData("////fw==")]
    [InlineData("no base64")]
    public void Load_BrokenMap_NamesTheField(string map)
    {
        var error = Assert.Throws<TokenizerException>(() => Load(
            UnigramModel, $$"""{"type":"Precompiled","precompiled_charsmap":"{{map}}"}"""));

        Assert.Contains("normalizer.precompiled_charsmap", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"type":"WordLevel","vocab":{"a":0}}""", "model.type")]
    [InlineData("""{"type":"WordPiece","unk_token":"[X]","vocab":{"a":0}}""", "model.unk_token")]
    [InlineData("""{"type":"Unigram","unk_id":9,"vocab":[["a",0]]}""", "model.unk_id")]
    [InlineData("""{"type":"Unigram","vocab":[["a",0]]}""", "model.unk_id")]
    [InlineData("""{"type":"Unigram","unk_id":0,"vocab":[["a"]]}""", "model.vocab[0]")]
    public void Load_UnusableModel_NamesTheField(string model, string field)
    {
        var error = Assert.Throws<TokenizerException>(() => Load(model));

        Assert.Contains($"'{field}'", error.Message, StringComparison.Ordinal);
    }

    private static Tokenizer Load(string model, string normalizer = "null", string added = "[]")
    {
        var folder = Directory.CreateTempSubdirectory("kaito-tokenizer-");
        try
        {
            File.WriteAllText(
                Path.Combine(folder.FullName, "tokenizer.json"),
                $$"""{"added_tokens":{{added}},"normalizer":{{normalizer}},"model":{{model}}}""");
            return Tokenizer.Load(folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // Every node of the double array gets a block of 256 units of its own: wasteful, and easy to see to be right.
    private static byte[] MapOf(params (string From, string To)[] rules)
    {
        var texts = new List<byte>();
        var nodes = new List<Dictionary<byte, int>> { new() };
        var leaves = new Dictionary<int, int>();
        foreach (var (from, to) in rules)
        {
            var node = 0;
            foreach (var value in Encoding.UTF8.GetBytes(from))
            {
                if (!nodes[node].TryGetValue(value, out var next))
                {
                    next = nodes.Count;
                    nodes[node][value] = next;
                    nodes.Add(new());
                }

                node = next;
            }

            leaves[node] = texts.Count;
            texts.AddRange([.. Encoding.UTF8.GetBytes(to), 0]);
        }

        // Children of node n stand at block n + 1; the root unit is unit 0.
        var units = new uint[(nodes.Count + 1) * 256];
        units[0] = OffsetTo(0, 256);
        for (var node = 0; node < nodes.Count; node++)
        {
            foreach (var (value, next) in nodes[node])
            {
                var at = ((uint)(node + 1) * 256) ^ value;
                units[at] = value | OffsetTo(at, (uint)(next + 1) * 256) | (leaves.ContainsKey(next) ? 0x100u : 0);
            }
        }

        foreach (var (node, place) in leaves)
        {
            units[(node + 1) * 256] = 0x80000000u | (uint)place;
        }

        var bytes = new byte[sizeof(uint) * (units.Length + 1)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)(units.Length * sizeof(uint)));
        for (var at = 0; at < units.Length; at++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan((at + 1) * sizeof(uint)), units[at]);
        }

        return [.. bytes, .. texts];

        static uint OffsetTo(uint at, uint target) => (at ^ target) << 10;
    }
}
