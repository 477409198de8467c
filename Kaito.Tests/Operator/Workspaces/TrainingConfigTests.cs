using System.Collections.Immutable;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;
using Kaito.Operator.Workspaces;

namespace Kaito.Tests.Operator.Workspaces;

public sealed class TrainingConfigTests
{
    // Section 2.2.7 of the specification: what upstream's admission says of the ConfigMap.
    [Theory]
    [InlineData(TuningMethod.Lora, "training_config: {}", "")]
    [InlineData(TuningMethod.Lora, "training_config: {QuantizationConfig: {load_in_4bit: false, load_in_8bit: ~}}", "")]
    [InlineData(TuningMethod.Qlora, "training_config: {QuantizationConfig: {load_in_4bit: true}}", "")]
    [InlineData(TuningMethod.Qlora, "training_config: {QuantizationConfig: {load_in_8bit: true}}", "")]
    [InlineData(
        TuningMethod.Lora,
        "training_config: {ModelConfig: {}, QuantizationConfig: {}, LoraConfig: {}, TrainingArguments: {}, DatasetConfig: {}, DataCollator: {}}",
        "")]
    [InlineData(TuningMethod.Lora, "a: [", "malformed-config")]
    [InlineData(TuningMethod.Lora, "", "malformed-config")]
    [InlineData(TuningMethod.Lora, "training_config: 5", "malformed-config")]
    [InlineData(TuningMethod.Lora, "training_config: {Extra: {}, LoraConfg: {}}", "unknown-section unknown-section")]
    [InlineData(TuningMethod.Lora, "training_config: {QuantizationConfig: {load_in_4bit: \"true\"}}", "invalid-setting")]
    [InlineData(TuningMethod.Lora, "training_config: {QuantizationConfig: {load_in_8bit: 1}}", "invalid-setting")]
    [InlineData(
        TuningMethod.Qlora, "training_config: {QuantizationConfig: {load_in_4bit: true, load_in_8bit: true}}",
        "both-quantizations")]
    [InlineData(TuningMethod.Lora, "training_config: {QuantizationConfig: {load_in_4bit: true}}", "quantized-lora")]
    [InlineData(TuningMethod.Lora, "training_config: {QuantizationConfig: {load_in_8bit: true}}", "quantized-lora")]
    [InlineData(TuningMethod.Qlora, "training_config: {}", "unquantized-qlora")]
    [InlineData(TuningMethod.Qlora, "training_config: {QuantizationConfig: {load_in_4bit: false}}", "unquantized-qlora")]
    [InlineData(TuningMethod.Lora, "training_config: {TrainingArguments: {output_dir: [a]}}", "invalid-output-dir")]
    [InlineData(TuningMethod.Lora, "training_config: {TrainingArguments: {output_dir: ../etc}}", "invalid-output-dir")]
    [InlineData(TuningMethod.Lora, "training_config: {TrainingArguments: {output_dir: /mnt}}", "invalid-output-dir")]
    [InlineData(TuningMethod.Lora, "training_config: {TrainingArguments: {output_dir: /mnt/a/../..}}", "invalid-output-dir")]
    [InlineData(TuningMethod.Lora, "training_config: {TrainingArguments: {output_dir: .}}", "invalid-output-dir")]
    public void Parse_Settings_ReportsEverythingWrong(TuningMethod method, string yaml, string codes)
    {
        TrainingConfig.Parse("mine", "ns", Map("training_config.yaml", yaml), method).TryGet(out _, out var errors);

        Assert.Equal(codes, string.Join(' ', errors.Select(static e => e.Code)));
        Assert.All(errors, static e => Assert.Equal("tuning.config", e.Path));
        Assert.All(errors, static e => Assert.Contains("\"mine\"", e.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("{}", "/mnt/results")]
    [InlineData("{output_dir: }", "/mnt/results")]
    [InlineData("{output_dir: out}", "/mnt/out")]
    [InlineData("{output_dir: /out//b/./c}", "/mnt/out/b/c")]
    [InlineData("{output_dir: /mnt/x/../y}", "/mnt/y")]
    [InlineData("{output_dir: /mntx}", "/mnt/mntx")]
    public void Parse_OutputDir_IsBelowMnt(string arguments, string folder)
    {
        var map = Map("training_config.yaml", $"training_config:\n  TrainingArguments: {arguments}\n");

        Assert.True(TrainingConfig.Parse("mine", "ns", map, TuningMethod.Lora).TryGet(out var config, out _));
        Assert.Equal(folder, config.OutputFolder);
    }

    [Fact]
    public void Parse_NoneNamed_IsTheDefault()
    {
        Assert.True(TrainingConfig.Parse(null, "ns", null, TuningMethod.Qlora).TryGet(out var config, out _));
        Assert.Same(TrainingConfig.Default, config);
    }

    [Fact]
    public void Parse_NotThere_SaysWhatIsMissing()
    {
        Assert.False(TrainingConfig.Parse("mine", "ns", null, TuningMethod.Lora).TryGet(out _, out var missing));
        Assert.False(TrainingConfig.Parse("mine", "ns", Map("x", "y"), TuningMethod.Lora).TryGet(out _, out var without));

        Assert.Equal(["config-not-found", "config-without-file"], missing.Concat(without).Select(static e => e.Code));
    }

    private static ConfigMap Map(string key, string text) =>
        new() { Data = ImmutableSortedDictionary<string, string>.Empty.Add(key, text) };
}
