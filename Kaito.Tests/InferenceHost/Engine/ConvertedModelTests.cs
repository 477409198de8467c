using Kaito.InferenceHost.Engine;
using Kaito.ModelBuilder.Checkpoints;
using Kaito.ModelBuilder.Decoder;
using Kaito.Tests.ModelBuilder;

namespace Kaito.Tests.InferenceHost.Engine;

/// <summary>Both engines on converted checkpoints, against tokens that transformers computed.</summary>
public sealed class ConvertedModelTests : IDisposable
{
    // Chunks of 3 tokens: every prompt takes several.
    private static readonly EngineOptions s_options = new() { Threads = 1, PrefillTokens = 3, CacheBytes = 16 << 20 };

    private readonly DirectoryInfo _scratch = Directory.CreateTempSubdirectory("kaito-golden-");

    public static TheoryData<string> Families =>
    [
        "falcon-40b",
        "falcon-7b",
        "gemma-2",
        "gemma-3",
        "llama",
        "llama-rope-linear",
        "llama-rope-yarn",
        "llama-tied-bias",
        "llama3-rope",
        "mistral",
        "mistral-window",
        "phi-2",
        "qwen2",
        "stablelm-2",
    ];

    public void Dispose() => _scratch.Delete(recursive: true);

    [Theory]
    [MemberData(nameof(Families))]
    public void Step_GoldenPrompt_GivesTheTokensOfTransformers(string family)
    {
        var golden = new GoldenCheckpoint(family);
        var folder = Convert(golden);
        using var slots = SlotEngine.Load(folder, s_options);
        using var reference = GenAiEngine.Load(folder, s_options);
        var sequence = Sequence(0, golden.Inputs[0], golden.Greedy.Length);

        Assert.Equal(golden.Greedy, EngineRun.Alone(reference, sequence));
        Assert.Equal(golden.Greedy, EngineRun.Alone(slots, sequence));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Step_PromptsTogether_GiveTheTokensOfTheReference(string family)
    {
        var golden = new GoldenCheckpoint(family);
        var folder = Convert(golden);
        using var slots = SlotEngine.Load(folder, s_options);
        using var reference = GenAiEngine.Load(folder, s_options);
        var sequences = golden.Inputs.Select((prompt, id) => Sequence(id, prompt, 60)).ToArray();
        var run = new EngineRun(slots);
        Assert.All(sequences, sequence => Assert.True(slots.TryAdd(sequence)));

        run.StepUntil(() => sequences.All(sequence => run[sequence.Id].Count == sequence.MaxNewTokens));

        Assert.All(sequences, sequence => Assert.Equal(EngineRun.Alone(reference, sequence), run[sequence.Id]));
    }

    private static EngineSequence Sequence(int id, int[] prompt, int newTokens) =>
        new(id, prompt, newTokens, new GreedySampler());

    private ModelFolder Convert(GoldenCheckpoint golden)
    {
        var (checkpoint, model) = (Path.Combine(_scratch.FullName, "hf"), Path.Combine(_scratch.FullName, "model"));
        golden.CopyTo(checkpoint);
        CheckpointConversion.Run(checkpoint, model, WeightPrecision.Float32);
        return ModelFolder.Read(model);
    }
}
