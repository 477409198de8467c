using System.Numerics.Tensors;
using Kaito.InferenceHost.Engine;
using Kaito.ModelBuilder.Decoder;
using Kaito.ModelBuilder.Folders;
using Kaito.ModelBuilder.Tiny;
using BuiltFolder = Kaito.ModelBuilder.Folders.ModelFolder;
using ModelFolder = Kaito.InferenceHost.Engine.ModelFolder;

namespace Kaito.Tests.InferenceHost.Engine;

/// <summary>The kernels of quantized weights: what shares a batch with a sequence changes nothing of it.</summary>
public sealed class QuantizedBatchTests : IDisposable
{
    private static readonly DecoderShape s_shape = new()
    {
        Layers = 2,
        Hidden = 256,
        Heads = 8,
        KeyValueHeads = 4,
        HeadSize = 32,
        Intermediate = 704,
        Vocabulary = 512,
        Context = 256,
        NormEpsilon = 1e-5f,
        Rope = new DefaultRope(10000),
    };

    private readonly ScratchFolder _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("Int4")]
    [InlineData("Int8")]
    public void Logits_OfSequencesJoiningAndLeaving_EqualThoseOfTheirSoloRuns(string precision)
    {
        var folder = Build(Enum.Parse<WeightPrecision>(precision));
        using var engine = SlotEngine.Load(
            folder, new() { MaxSequences = 6, PrefillTokens = 16, Threads = 2, PrefixBytes = 0, PrefillShare = 1 });
        var sequences = Enumerable.Range(0, 18).Select(Sequence).ToArray();
        var alone = sequences.Select(sequence =>
        {
            EngineRun.Alone(engine, sequence);
            return ((KeepingSampler)sequence.Sampler).Take();
        }).ToArray();
        var run = new EngineRun(engine);

        var next = 0;
        run.StepUntil(() =>
        {
            // One more at a time, so that they are all at different places.
            if (next < sequences.Length && engine.TryAdd(sequences[next]))
            {
                next++;
            }

            return sequences.All(sequence => run[sequence.Id].Count == sequence.MaxNewTokens);
        });

        Assert.All(sequences, sequence => Assert.Equal(
            alone[sequence.Id], ((KeepingSampler)sequence.Sampler).Take()));
    }

    private static EngineSequence Sequence(int id) => new(
        id, EngineRun.RandomPrompt(id, 1 + (id * 7 % 40), s_shape.Vocabulary), 1 + (id * 11 % 30), new KeepingSampler());

    private ModelFolder Build(WeightPrecision precision)
    {
        var folder = _scratch.Path("model");
        Directory.CreateDirectory(folder);
        var defaults = new GenerationDefaults { BeginToken = 0, EndTokens = [1], PadToken = 0, ModelType = "llama" };
        BuiltFolder.WriteModel(folder, s_shape, new Weights(), precision, defaults);
        return ModelFolder.Read(folder);
    }

    private sealed class Weights : IDecoderWeights
    {
        public float[] Read(string name, params ReadOnlySpan<int> shape)
        {
            var numbers = new SeededNumbers(name);
            var scale = shape.Length == 1 ? 0 : 1 / Math.Sqrt(shape[1]);
            return shape.Length == 1
                ? [.. Enumerable.Repeat(1f, shape[0])]
                : [.. Enumerable.Range(0, shape[0] * shape[1]).Select(_ => (float)(numbers.NextNormal() * scale))];
        }
    }

    // Greedy, and remembers what it saw.
    private sealed class KeepingSampler : ITokenSampler
    {
        private readonly List<float> _seen = [];

        public int Sample(Span<float> logits)
        {
            _seen.AddRange(logits);
            return TensorPrimitives.IndexOfMax(logits);
        }

        public float[] Take()
        {
            float[] seen = [.. _seen];
            _seen.Clear();
            return seen;
        }
    }
}
