using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Models;
using Kaito.ModelBuilder.Decoder;
using Kaito.ModelBuilder.Onnx;
using Kaito.ModelBuilder.Tiny;
using DecoderGraph = Kaito.ModelBuilder.Decoder.DecoderGraph;

namespace Kaito.Tests.InferenceHost.Engine;

public sealed class ChosenEngineTests(TinyModelFixture tiny)
{
    private static readonly UnsuitableGraphException s_unsuitable = new("model.onnx", "input x", "unknown");

    [Theory]
    [InlineData(EngineChoice.Auto, "slot")]
    [InlineData(EngineChoice.Slot, "slot")]
    [InlineData(EngineChoice.GenAi, "genai")]
    internal void Load_GraphThatBothRun_TakesTheFirstChoice(EngineChoice choice, string expected)
    {
        using var slot = new ScriptedEngine();
        using var genAi = new ScriptedEngine();

        var chosen = ChosenEngine.Load(choice, () => slot, () => genAi);

        Assert.Equal((expected, null), (chosen.Name, chosen.Fallback));
        Assert.Same(expected == "slot" ? slot : genAi, chosen.Engine);
    }

    [Fact]
    public void Load_AutoAndAnUnsuitableGraph_FallsBackAndSaysWhy()
    {
        using var genAi = new ScriptedEngine();

        var chosen = ChosenEngine.Load(EngineChoice.Auto, () => throw s_unsuitable, () => genAi);

        Assert.Equal(("genai", s_unsuitable.Message), (chosen.Name, chosen.Fallback));
    }

    [Fact]
    public void Load_SlotAndAnUnsuitableGraph_FailsAndNamesTheOtherEngine()
    {
        var error = Assert.Throws<UnsuitableGraphException>(
            () => ChosenEngine.Load(EngineChoice.Slot, () => throw s_unsuitable, () => new ScriptedEngine()));

        Assert.Contains("--engine genai", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_AutoAndABrokenFolder_DoesNotFallBack() =>
        Assert.Throws<ModelFolderException>(() => ChosenEngine.Load(
            EngineChoice.Auto,
            () => throw new ModelFolderException("f", "graph", "not loadable", "rebuild it"),
            () => new ScriptedEngine()));

    [Fact]
    public void CreateLoader_GenAi_ServesTheTinyModelWithIt()
    {
        var loaded = ModelLoading.CreateLoader(
            new(tiny.Folder.Path, "m") { Engine = EngineChoice.GenAi }, TimeProvider.System)();
        using var engine = loaded.Engine;

        Assert.IsType<GenAiEngine>(engine);
        Assert.Equal("genai", loaded.Report.Engine);
    }

    [Fact]
    public void CreateLoader_InputThatOnlyGenAiPutsUpWith_FallsBackAndStillGivesTheSameTokens()
    {
        using var scratch = new ScratchFolder();
        WriteModelWithInput(scratch.Root, "extra");

        var slot = Assert.Throws<UnsuitableGraphException>(
            () => SlotEngine.Load(ModelFolder.Read(scratch.Root), new()));
        var auto = ModelLoading.CreateLoader(new(scratch.Root, "m"), TimeProvider.System)();
        using var fallback = auto.Engine;
        using var usual = SlotEngine.Load(tiny.Folder, new());
        var sequence = EngineRun.Greedy(1, 20, 20, tiny.Folder.VocabularySize);

        Assert.Contains("input extra is unknown to the slot engine", slot.Message, StringComparison.Ordinal);
        Assert.Equal(slot.Message, auto.Report.Fallback);
        Assert.Equal("genai", auto.Report.Engine);
        Assert.Equal(EngineRun.Alone(usual, sequence), EngineRun.Alone(fallback, sequence));
    }

    [Fact]
    public void Load_FewerLayersConfiguredThanInTheGraph_NamesTheField()
    {
        var folder = tiny.Folder with { Decoder = tiny.Folder.Decoder with { Layers = 3 } };

        var error = Assert.Throws<ModelFolderException>(() => SlotEngine.Load(folder, new()));

        Assert.Contains("num_hidden_layers", error.Message, StringComparison.Ordinal);
    }

    private void WriteModelWithInput(string folder, string input)
    {
        foreach (var source in Directory.EnumerateFiles(tiny.Folder.Path))
        {
            File.Copy(source, Path.Combine(folder, Path.GetFileName(source)));
        }

        var shape = new DecoderShape
        {
            Layers = tiny.Folder.Decoder.Layers,
            Hidden = 128,
            Heads = 4,
            KeyValueHeads = tiny.Folder.Decoder.KvHeads,
            HeadSize = tiny.Folder.Decoder.HeadSize,
            Intermediate = 384,
            Vocabulary = tiny.Folder.VocabularySize,
            Context = tiny.Folder.ContextTokens,
            NormEpsilon = 1e-5f,
            Rope = new DefaultRope(10000),
        };
        using var weights = File.Create(Path.Combine(folder, "model.onnx.data"));
        var graph = new OnnxGraph(weights, "model.onnx.data");
        DecoderGraph.Write(graph, shape, new TinyWeights(shape, TinyTokenizer.Train()), WeightPrecision.Float32);
        graph.Input(input, OnnxType.Float32, 1);
        File.WriteAllBytes(Path.Combine(folder, "model.onnx"), graph.Build());
    }
}
