using System.Security.Cryptography;
using Kaito.ModelBuilder;
using Kaito.ModelBuilder.Tiny;
using Microsoft.ML.OnnxRuntimeGenAI;

namespace Kaito.Tests.ModelBuilder.Tiny;

public sealed class TinyModelTests
{
    [Fact]
    public void Write_TwoFolders_HoldEqualBytes()
    {
        using var scratch = new ScratchFolder();

        Assert.True(TinyModel.Write(scratch.Path("one")));
        Assert.True(TinyModel.Write(scratch.Path("two")));

        Assert.Equal(Hashes(scratch.Path("one")), Hashes(scratch.Path("two")));
        Assert.Equal(2, Directory.GetFileSystemEntries(scratch.Root).Length);
    }

    [Fact]
    public void Write_CurrentFolder_LeavesItAlone()
    {
        using var scratch = new ScratchFolder();
        TinyModel.Write(scratch.Path("tiny"));

        Assert.False(TinyModel.Write(scratch.Path("tiny")));
    }

    [Fact]
    public void Write_FolderThatLostAFile_IsRebuilt()
    {
        using var scratch = new ScratchFolder();
        TinyModel.Write(scratch.Path("tiny"));
        File.Delete(scratch.Path("tiny", "tokenizer.json"));

        Assert.True(TinyModel.Write(scratch.Path("tiny")));
        Assert.True(File.Exists(scratch.Path("tiny", "tokenizer.json")));
    }

    [Fact]
    public void Write_FolderOfOthers_RefusesAndKeepsIt()
    {
        using var scratch = new ScratchFolder();
        File.WriteAllText(scratch.Path("thesis.txt"), "years of work");

        var failure = Assert.Throws<ModelBuildException>(() => TinyModel.Write(scratch.Root));

        Assert.Contains("--output", failure.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(scratch.Path("thesis.txt")));
    }

    [Theory]
    [InlineData("Hello")]
    [InlineData("What is the capital of France?")]
    [InlineData("Count from one to ten.")]
    [InlineData("Δοκιμή 测试 🙂")]
    [InlineData("x")]
    public void Chat_AnyQuestion_IsAnsweredInWordsAndEnds(string question)
    {
        using var scratch = new ScratchFolder();
        TinyModel.Write(scratch.Path("tiny"));
        using var model = new Model(scratch.Path("tiny"));
        using var tokenizer = new Tokenizer(model);
        using var prompt = tokenizer.Encode($"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n");

        var reply = GenAIRun.Greedy(model, prompt[0], 256);

        var text = tokenizer.Decode(reply);
        TestContext.Current.SendDiagnosticMessage(text);
        Assert.InRange(reply.Length, 5, 200);
        Assert.Matches("^[A-Z][a-zA-Z,.! ]+$", text);
    }

    private static string[] Hashes(string folder) =>
    [
        .. Directory.GetFiles(folder).Order(StringComparer.Ordinal).Select(file =>
            $"{Path.GetFileName(file)} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))}"),
    ];
}
