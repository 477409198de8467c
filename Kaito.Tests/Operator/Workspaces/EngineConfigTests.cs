using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Workspaces;

namespace Kaito.Tests.Operator.Workspaces;

public sealed class EngineConfigTests
{
    private static readonly WorkspaceResource s_workspace = new()
    {
        Metadata = new() { Name = "ws", Namespace = "team" },
        Inference = new() { Config = "mine" },
    };

    [Theory]
    [InlineData("", null, null, null)]
    [InlineData("vllm:", null, null, null)]
    [InlineData("# vllm:\n#  max-model-len: 1\n", null, null, null)]
    [InlineData("vllm:\n  max-model-len: 8192\n", 8192, null, null)]
    [InlineData("vllm: {max-model-len: \"8192\", max-num-seqs: 4}", 8192, 4, null)]
    [InlineData("vllm: {max-model-len: auto}", null, null, null)]
    [InlineData(
        "max_probe_steps: 6\nvllm: {max-model-len: 8}\nonnx: {max-model-len: 9, queue-capacity: 1}", 9, null, 1)]
    public void Parse_Settings_AreRead(string yaml, int? length, int? sequences, int? queue)
    {
        Assert.True(EngineConfig.Parse(s_workspace, Map(yaml)).TryGet(out var config, out _));

        Assert.Equal((length, sequences, queue), (config.MaxModelLength, config.MaxSequences, config.QueueCapacity));
        Assert.Empty(config.Warnings);
    }

    [Theory]
    [InlineData("vllm: {max-model-len: abc}", "vllm.max-model-len", "\"abc\"", "a whole number from 2 to ")]
    [InlineData("vllm: {max-model-len: -5}", "vllm.max-model-len", "\"-5\"", "a whole number")]
    [InlineData("onnx: {max-num-seqs: 1000}", "onnx.max-num-seqs", "\"1000\"", "from 1 to 256")]
    [InlineData("onnx: {queue-capacity: [1]}", "onnx.queue-capacity", "1", "from 1 to 4096")]
    [InlineData("vllm: 7", "vllm", "\"7\"", "a mapping")]
    [InlineData("- a", "inference_config.yaml", "is not a mapping", "max-model-len: 8192")]
    [InlineData("vllm: {", "inference_config.yaml", "is not YAML at line", "mine")]
    public void Parse_InvalidSetting_NamesFieldValueAndRemedy(string yaml, string field, string value, string remedy)
    {
        Assert.False(EngineConfig.Parse(s_workspace, Map(yaml)).TryGet(out _, out var errors));

        var error = Assert.Single(errors);
        Assert.Equal("inference.config", error.Path);
        Assert.All([field, value, remedy], part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Parse_TwoInvalidSettings_ReportsBoth()
    {
        Assert.False(EngineConfig.Parse(
            s_workspace, Map("vllm: {max-model-len: x, max-num-seqs: y}")).TryGet(out _, out var errors));

        Assert.Equal(2, errors.Length);
    }

    [Fact]
    public void Parse_ConfigMapWithoutTheKey_NamesIt()
    {
        Assert.False(EngineConfig.Parse(s_workspace, new()).TryGet(out _, out var errors));

        Assert.Equal("ConfigMap \"mine\" has no key inference_config.yaml. Add it.", Assert.Single(errors).Message);
    }

    [Fact]
    public void Parse_NoConfigNamed_NeedsNoConfigMap()
    {
        Assert.True(EngineConfig.Parse(s_workspace with { Inference = new() }, null).TryGet(out var config, out _));

        Assert.Same(EngineConfig.None, config);
    }

    [Fact]
    public void Parse_SettingWithoutEffect_IsAWarning()
    {
        Assert.True(EngineConfig.Parse(
            s_workspace, Map("vllm: {swap-space: 4, gpu-memory-utilization: 0.9}")).TryGet(out var config, out _));

        Assert.Equal(
            "inference.config: vllm.gpu-memory-utilization, vllm.swap-space of inference_config.yaml has no effect "
            + "with runtime onnx.", Assert.Single(config.Warnings));
    }

    private static ConfigMap Map(string yaml) => new()
    {
        Data = ImmutableSortedDictionary<string, string>.Empty.Add(EngineConfig.File, yaml),
    };
}
