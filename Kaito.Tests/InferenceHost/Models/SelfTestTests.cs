using System.Runtime.InteropServices;
using Kaito.InferenceHost;
using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Models;
using Kaito.Tests.InferenceHost.Engine;

namespace Kaito.Tests.InferenceHost.Models;

/// <summary>An engine that would garble answers is not served.</summary>
public sealed class SelfTestTests(TinyModelFixture tiny)
{
    public enum Fault
    {
        None,
        NotNumbers,
        NotNumbersLater,
        Endless,
        Silent,
        Decoding,
        Batching,
    }

    [Theory]
    [InlineData(Fault.NotNumbers, "logits that are not numbers")]
    [InlineData(Fault.NotNumbersLater, "logits that are not numbers")]
    [InlineData(Fault.Endless, "logits that are not numbers")]
    [InlineData(Fault.Silent, "produces no token")]
    [InlineData(Fault.Decoding, "for tokens one by one and for the same tokens at once")]
    [InlineData(Fault.Batching, "alone and beside others")]
    public void Run_FaultyEngine_SaysWhatIsWrong(Fault fault, string said)
    {
        using var engine = new FaultyEngine(fault);

        Assert.Contains(said, Assert.Throws<EngineException>(() => SelfTest.Run(engine)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(64, 4)]
    [InlineData(64, 1)]
    [InlineData(3, 2)]
    [InlineData(2, 1)]
    public void Run_SoundEngineOfAnySize_LeavesNothingRunning(int context, int slots)
    {
        using var engine = new FaultyEngine(Fault.None, context, slots);
        using var same = new FaultyEngine(Fault.None, context, slots);

        SelfTest.Run(engine, same);

        Assert.Equal(0, engine.Usage.CachedTokens);
    }

    [Fact]
    public void Run_ReferenceDisagrees_SaysSo()
    {
        using var engine = new FaultyEngine(Fault.None);
        using var other = new FaultyEngine(Fault.None, seed: 7);

        var error = Assert.Throws<EngineException>(() => SelfTest.Run(engine, other));

        Assert.Contains("on the accelerator and on the processor", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_RealEngines_PassAndCountNothing()
    {
        using var slot = SlotEngine.Load(tiny.Folder, new() { MaxSequences = 4 });
        using var genAi = GenAiEngine.Load(tiny.Folder, new() { MaxSequences = 4 });

        SelfTest.Run(slot, genAi);
        SelfTest.Run(genAi, slot);

        Assert.Equal((0, 0, 0), (slot.Usage.CachedTokens, slot.Usage.PromptTokens, slot.Usage.ReusedTokens));
    }

    [Fact]
    public async Task RunAsync_WeightsAreNotNumbers_EndsWithOneAndALine()
    {
        using var scratch = new ScratchFolder();
        foreach (var source in Directory.EnumerateFiles(tiny.Folder.Path))
        {
            File.Copy(source, scratch.Path(Path.GetFileName(source)));
        }

        var weights = new float[new FileInfo(scratch.Path("model.onnx.data")).Length / sizeof(float)];
        Array.Fill(weights, float.NaN);
        await File.WriteAllBytesAsync(
            scratch.Path("model.onnx.data"), MemoryMarshal.AsBytes(weights.AsSpan()).ToArray(),
            TestContext.Current.CancellationToken);
        await using var errors = new StringWriter();

        var code = await InferenceHostApp.RunAsync(["--model-path", scratch.Root, "--port", "0"], errors);

        Assert.Equal(1, code);
        Assert.Equal(
            $"inference-host: {scratch.Root}: The slot engine cannot run it: it produces logits that are not numbers. "
            + "Try the other --engine.\n",
            errors.ToString());
    }

    [Fact]
    public async Task RunAsync_DeviceThatIsNotThere_EndsWithOneAndARemedy()
    {
        await using var errors = new StringWriter();

        var code = await InferenceHostApp.RunAsync(
            ["--model-path", tiny.Folder.Path, "--port", "0", "--device", "cuda"], errors);

        Assert.Equal(1, code);
        Assert.StartsWith($"inference-host: {tiny.Folder.Path}: CUDA cannot be used", errors.ToString(), StringComparison.Ordinal);
        Assert.Contains("--device cpu", errors.ToString(), StringComparison.Ordinal);
    }

    /// <summary>Logits are a function of the tokens so far, but for the fault.</summary>
    private sealed class FaultyEngine(Fault fault, int context = 64, int slots = 4, int seed = 0) : IInferenceEngine
    {
        private readonly List<(EngineSequence Sequence, List<int> Tokens)> _running = [];

        public EngineLimits Limits { get; } = new(context, slots, 50);

        public EngineUsage Usage => new(_running.Count, 0, 0, 0);

        public bool TryAdd(EngineSequence sequence)
        {
            Limits.Require(sequence);
            if (_running.Count == slots)
            {
                return false;
            }

            _running.Add((sequence, [.. sequence.Prompt.Span]));
            return true;
        }

        public void Step(ICollection<EngineToken> produced)
        {
            if (fault == Fault.Silent)
            {
                return;
            }

            foreach (var (sequence, tokens) in _running.ToArray())
            {
                var made = tokens.Count - sequence.Prompt.Length;
                var token = sequence.Sampler.Sample(Logits(tokens, made));
                tokens.Add(token);
                produced.Add(new(sequence.Id, token));
                if (made + 1 == sequence.MaxNewTokens)
                {
                    Remove(sequence.Id);
                }
            }
        }

        public void Remove(long sequenceId) => _running.RemoveAll(running => running.Sequence.Id == sequenceId);

        public void Dispose() => _running.Clear();

        private float[] Logits(List<int> tokens, int made)
        {
            var bent = (fault == Fault.Decoding && made > 0) || (fault == Fault.Batching && _running.Count > 1) ? 1 : 0;
            var random = new Random(tokens.Aggregate(seed + bent, static (hash, token) => (hash * 31) + token));
            var logits = Enumerable.Range(0, Limits.VocabularySize).Select(_ => random.NextSingle()).ToArray();
            logits[7] = fault switch
            {
                Fault.NotNumbers => float.NaN,
                Fault.NotNumbersLater when made > 0 => float.NaN,
                Fault.Endless => float.PositiveInfinity,
                _ => logits[7],
            };
            return logits;
        }
    }
}
