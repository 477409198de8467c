using System.Diagnostics;
using System.Text.Json.Nodes;
using Kaito.InferenceHost.Constraints;
using Kaito.InferenceHost.Engine;
using Kaito.ModelBuilder.Decoder;
using ModelWriter = Kaito.ModelBuilder.Folders.ModelFolder;

namespace Kaito.Benchmarks.Masks;

/// <summary>
/// What it costs to keep an answer within a form: the mask of one token, over a vocabulary of the largest size, against a step
/// of a small model (about 300 million weights of 4 bits), where it weighs most.
/// </summary>
internal sealed class MaskArea : IBenchArea
{
    private const int Batch = 8;

    private static readonly string[] s_schemas =
    [
        """{"type":"object"}""",
        """{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name","age"]}""",
        """{"type":"array","items":{"type":"object","properties":{"id":{"type":"string","pattern":"^[a-z]{2}-[0-9]{4}$"},"n":{"type":"number"}},"required":["id","n"]}}""",
        """{"type":"object","properties":{"kind":{"enum":["circle","square"]},"tags":{"type":"array","items":{"type":"string"}}},"required":["kind","tags"]}""",
        """{"anyOf":[{"type":"object","properties":{"ok":{"const":true}},"required":["ok"]},{"type":"object","properties":{"error":{"type":"string"}},"required":["error"]}]}""",
        """{"$defs":{"n":{"type":"object","properties":{"v":{"type":"string"},"c":{"type":"array","items":{"$ref":"#/$defs/n"}}},"required":["v","c"]}},"$ref":"#/$defs/n"}""",
    ];

    public string Name => "mask";

    public IAsyncEnumerable<Metric> MeasureAsync(bool quick, string scratch, CancellationToken cancellationToken) =>
        Measure(quick, scratch).ToAsyncEnumerable();

    private static IEnumerable<Metric> Measure(bool quick, string scratch)
    {
        var costs = Masks(quick ? 40 : 400).Order().ToArray();
        var mean = costs.Average();
        yield return new("mask.mean", mean, "us");
        yield return new("mask.p50", costs[costs.Length / 2], "us");
        yield return new("mask.p99", costs[costs.Length * 99 / 100], "us");
        using var engine = Engine(scratch);
        foreach (var rows in new[] { 1, Batch })
        {
            var step = Step(engine, rows, quick ? 8 : 32);
            yield return new($"mask.step.{rows}", step, "us");
            yield return new($"mask.share.{rows}", rows * mean / step, "x", new(0.05, Bound.AtMost));
        }
    }

    // Microseconds per token, of masking and of taking the token. Each answer is made three times, and the least time of each
    // token counts: the others were taken by somebody else.
    private static IEnumerable<double> Masks(int answers)
    {
        using var tokenizer = GrammarTokenizer.Create(WideVocabulary.Model());
        for (var answer = 0; answer < answers; answer++)
        {
            var runs = Enumerable.Range(0, 3).Select(_ => Masked(tokenizer, answer)).ToArray();
            for (var token = 0; token < runs[0].Count; token++)
            {
                yield return runs.Min(run => run[token]);
            }
        }
    }

    private static List<double> Masked(GrammarTokenizer tokenizer, int answer)
    {
        var costs = new List<double>();
        var logits = new float[WideVocabulary.Count];
        var random = new Random(answer);
        using var matcher = tokenizer.Compile(Grammar.Json(JsonNode.Parse(s_schemas[answer % s_schemas.Length])!));
        for (var (token, length) = (-1, 0); token != WideVocabulary.End && length < 64; length++)
        {
            Array.Clear(logits);
            var started = Stopwatch.GetTimestamp();
            matcher.Mask(logits);
            var masked = Stopwatch.GetElapsedTime(started);
            token = Pick(logits, random);
            started = Stopwatch.GetTimestamp();
            matcher.Push(token);
            costs.Add((masked + Stopwatch.GetElapsedTime(started)).TotalMicroseconds);
        }

        return costs;
    }

    private static int Pick(float[] logits, Random random)
    {
        var allowed = logits.Count(static logit => logit == 0);
        var left = random.Next(allowed);
        return Array.FindIndex(logits, logit => logit == 0 && left-- == 0);
    }

    private static SlotEngine Engine(string scratch)
    {
        var shape = new DecoderShape
        {
            Layers = 22,
            Hidden = 1024,
            Heads = 16,
            KeyValueHeads = 4,
            HeadSize = 64,
            Intermediate = 3072,
            Vocabulary = 32_000,
            Context = 2048,
            NormEpsilon = 1e-5f,
            Rope = new DefaultRope(10_000),
        };
        var path = Path.Combine(scratch, "model");
        ModelWriter.Write(path, "mask bench\n", draft => ModelWriter.WriteModel(
            draft, shape, new RepeatedWeights(), WeightPrecision.Int4,
            new() { BeginToken = 0, EndTokens = [1], PadToken = 0, ModelType = "llama" }));
        return SlotEngine.Load(ModelFolder.Read(path), new() { MaxSequences = Batch, PrefixBytes = 0 });
    }

    // Microseconds of a step that gives every row one token.
    private static double Step(SlotEngine engine, int rows, int steps)
    {
        var produced = new List<EngineToken>();
        for (var id = 0; id < rows; id++)
        {
            if (!engine.TryAdd(new(id, Enumerable.Range(2, 64).ToArray(), 2 * steps, new Always())))
            {
                throw new InvalidOperationException("The engine has fewer slots than the benchmark asked for.");
            }
        }

        while (produced.Count < rows)
        {
            engine.Step(produced);
        }

        var times = new List<double>();
        for (var step = 0; step < steps; step++)
        {
            var started = Stopwatch.GetTimestamp();
            engine.Step(produced);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMicroseconds);
        }

        for (var id = 0; id < rows; id++)
        {
            engine.Remove(id);
        }

        return Median.Of(times);
    }

    private sealed class Always : ITokenSampler
    {
        public int Sample(Span<float> logits) => 2;
    }

    /// <summary>Made in no time: what the numbers are does not matter to the time of a step.</summary>
    private sealed class RepeatedWeights : IDecoderWeights
    {
        private readonly float[] _numbers = [.. Enumerable.Range(0, 1 << 16).Select(static i => ((i * 7919 % 257) - 128) / 4096f)];

        public float[] Read(string name, params ReadOnlySpan<int> shape)
        {
            var values = new float[shape.Length == 1 ? shape[0] : shape[0] * shape[1]];
            for (var at = 0; at < values.Length; at += _numbers.Length)
            {
                _numbers.AsSpan(0, int.Min(_numbers.Length, values.Length - at)).CopyTo(values.AsSpan(at));
            }

            return values;
        }
    }
}
