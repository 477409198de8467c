using Kaito.ModelBuilder.Tiny;
using Kaito.Tokenization;

namespace Kaito.Tests.ModelBuilder.Tiny;

public sealed class TinyTokenizerTests
{
    [Theory]
    [InlineData("Hello! I am a tiny model.")]
    [InlineData("  two  spaces,\ttabs\r\nand lines\n\n")]
    [InlineData("<|im_start|>user\nΔοκιμή 测试 🙂<|im_end|>\n")]
    [InlineData("it's 12345 o'clock; ²½Ⅻ")]
    [InlineData("")]
    public void Render_OurTokenizerAndGenAIs_Agree(string text)
    {
        using var scratch = new ScratchFolder();
        TinyModel.Write(scratch.Path("tiny"));
        using var model = new Microsoft.ML.OnnxRuntimeGenAI.Model(scratch.Path("tiny"));
        using var theirs = new Microsoft.ML.OnnxRuntimeGenAI.Tokenizer(model);
        var ours = Tokenizer.Load(scratch.Path("tiny"));

        var tokens = ours.Encode(text, addSpecialTokens: true, SpecialTokenPolicy.Parse);

        using var expected = theirs.Encode(text);
        Assert.Equal(expected[0].ToArray(), tokens);
        Assert.Equal(text, ours.Decode(tokens, skipSpecialTokens: false));
    }

    [Fact]
    public void Train_EveryReplyWord_IsOneToken()
    {
        var tokenizer = TinyTokenizer.Train();

        Assert.Equal(12, tokenizer.Replies.Count);
        Assert.Equal(14, tokenizer.Replies[0].Count);
        Assert.InRange(tokenizer.Vocabulary, 400, 1024);
    }
}
