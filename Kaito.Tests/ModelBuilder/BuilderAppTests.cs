using Kaito.ModelBuilder;

namespace Kaito.Tests.ModelBuilder;

public sealed class BuilderAppTests
{
    [Fact]
    public void Run_Tiny_WritesOnceAndThenSaysUpToDate()
    {
        using var scratch = new ScratchFolder();

        var first = Run("tiny", "--output", scratch.Path("tiny"));
        var second = Run("tiny", "--output", scratch.Path("tiny"));

        Assert.Equal((0, ""), (first.Code, first.Errors));
        Assert.StartsWith("Wrote", first.Output, StringComparison.Ordinal);
        Assert.Contains("up to date", second.Output, StringComparison.Ordinal);
        Assert.Equal(
            [
                "genai_config.json", "kaito-model.txt", "model.onnx", "model.onnx.data", "tokenizer.json",
                "tokenizer_config.json",
            ],
            Directory.GetFiles(scratch.Path("tiny")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("fp32")]
    [InlineData("int4")]
    public void Run_Convert_MakesAFolderThatGenAILoads(string precision)
    {
        using var scratch = new ScratchFolder();
        var golden = new GoldenCheckpoint("llama-tied-bias");
        golden.CopyTo(scratch.Path("checkpoint"));

        var (code, _, errors) = Run(
            "convert",
            "--input",
            scratch.Path("checkpoint"),
            "--output",
            scratch.Path("model"),
            "--precision",
            precision);

        Assert.Equal((0, ""), (code, errors));
        Assert.Equal(16, GenAIRun.Greedy(scratch.Path("model"), golden.Inputs[0], 16).Length);
    }

    [Fact]
    public void Run_ConvertWithoutFolder_IsOneLineAndExitCodeOne()
    {
        using var scratch = new ScratchFolder();

        var (code, _, errors) = Run("convert", "--input", scratch.Path("nowhere"), "--output", scratch.Path("model"));

        Assert.Equal(1, code);
        Assert.StartsWith(
            $"error: Input '{scratch.Path("nowhere")}' is not a folder.", errors, StringComparison.Ordinal);
        Assert.Single(errors.TrimEnd().Split('\n'));
    }

    [Theory]
    [InlineData("tiny")]
    [InlineData("convert", "--input", "a", "--output", "b", "--precision", "int3")]
    [InlineData("tinny")]
    public void Run_WrongArguments_ExitCodeIsNotZero(params string[] args)
    {
        var (code, _, errors) = Run(args);

        Assert.NotEqual(0, code);
        Assert.NotEqual("", errors);
    }

    private static (int Code, string Output, string Errors) Run(params string[] args)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        var code = BuilderApp.Run(args, output, errors);
        return (code, output.ToString(), errors.ToString());
    }
}
