using Kaito.InferenceHost;
using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Engine.Kernels;

namespace Kaito.Tests.InferenceHost;

public sealed class SpeculationArgumentsTests
{
    [Theory]
    [InlineData("""{"method":"ngram","num_speculative_tokens":4,"prompt_lookup_max":6,"prompt_lookup_min":2}""", 4, 6, 2)]
    [InlineData("""{"model":"[ngram]","num_speculative_tokens":3}""", 3, 5, 5)]
    [InlineData("""{"method":"ngram","num_speculative_tokens":3,"prompt_lookup_max":4}""", 3, 4, 4)]
    [InlineData("""{"method":"ngram","num_speculative_tokens":3,"prompt_lookup_min":2}""", 3, 2, 2)]
    public void Parse_Ngram_IsTaken(string config, int draft, int longest, int shortest)
    {
        Assert.True(Parse("--speculative-config", config).TryGet(out var options, out _));

        Assert.Equal(new SpeculationOptions(draft, longest, shortest), options.Speculation);
        Assert.Empty(options.Warnings);
    }

    [Fact]
    public void Parse_BlockOfTheConfigFile_IsTheSame()
    {
        const string File = "vllm:\n  speculative-config:\n    method: ngram\n    num_speculative_tokens: 2\n";

        Assert.True(InferenceHostCommand.Parse(
            ["--model-path", "/m", "--kaito-config-file", "c.yaml"], static _ => null, static _ => File).TryGet(out var options, out _));

        Assert.Equal(new SpeculationOptions(2), options.Speculation);
    }

    [Theory]
    [InlineData("""{"method":"eagle","model":"org/head","num_speculative_tokens":3}""", "with method eagle")]
    [InlineData("""{"model":"org/small","num_speculative_tokens":3}""", "with method of a second model")]
    public void Parse_MethodThatOnlyVllmHas_IsAWarning(string config, string said)
    {
        Assert.True(Parse("--speculative-config", config).TryGet(out var options, out _));

        Assert.Null(options.Speculation);
        Assert.Contains(said, Assert.Single(options.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("4", "--speculative-config", "malformed")]
    [InlineData("{", "--speculative-config", "malformed")]
    [InlineData("""{"method":"ngram"}""", "--speculative-config.num_speculative_tokens", "out-of-range")]
    [InlineData("""{"method":"ngram","num_speculative_tokens":0}""", "--speculative-config.num_speculative_tokens", "out-of-range")]
    [InlineData("""{"method":"ngram","num_speculative_tokens":"4"}""", "--speculative-config.num_speculative_tokens", "out-of-range")]
    [InlineData("""{"method":"ngram","num_speculative_tokens":4,"prompt_lookup_min":9,"prompt_lookup_max":3}""", "--speculative-config.prompt_lookup_min", "out-of-range")]
    public void Parse_WrongValue_NamesIt(string config, string path, string code)
    {
        Assert.False(Parse("--speculative-config", config).TryGet(out _, out var errors));

        Assert.Equal((path, code), (errors[0].Path, errors[0].Code));
    }

    [Theory]
    [InlineData("cpu", nameof(Accelerator.Cpu))]
    [InlineData("cuda", nameof(Accelerator.Cuda))]
    [InlineData("auto", nameof(Accelerator.Cpu))]
    public void Parse_Device_IsTaken(string device, string expected)
    {
        Assert.True(Parse("--device", device).TryGet(out var options, out _));

        Assert.Equal(expected, options.Accelerator.ToString());
    }

    [Fact]
    public void Parse_DeviceThatIsNone_NamesTheOption()
    {
        Assert.False(Parse("--device", "tpu").TryGet(out _, out var errors));

        Assert.Equal("--device", errors[0].Path);
    }

    [Theory]
    [InlineData("auto", nameof(MatMulKernel.Auto))]
    [InlineData("onnxruntime", nameof(MatMulKernel.OnnxRuntime))]
    public void Parse_MatMulKernel_IsTaken(string kernel, string expected)
    {
        Assert.True(Parse("--matmul-kernel", kernel).TryGet(out var options, out _));

        Assert.Equal(expected, options.Kernel.ToString());
    }

    [Fact]
    public void Parse_MatMulKernelThatIsNone_NamesTheOption()
    {
        Assert.False(Parse("--matmul-kernel", "mkl").TryGet(out _, out var errors));

        Assert.Equal("--matmul-kernel", errors[0].Path);
    }

    private static Kaito.Core.Validated<InferenceHostOptions> Parse(string name, string value) =>
        InferenceHostCommand.Parse(["--model-path", "/m", name, value], static _ => null, static _ => "");
}
