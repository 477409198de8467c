using System.Diagnostics;
using System.Numerics.Tensors;
using System.Text.Json.Nodes;
using Kaito.Benchmarks.Models;
using Kaito.InferenceHost.Constraints;
using Kaito.InferenceHost.Engine;

namespace Kaito.Benchmarks.Masks;

/// <summary>
/// What it costs to keep answers within a form: the same tokens are produced twice by the engine, on a model of about 300
/// million weights of 4 bits with a vocabulary of the largest size, once with masks and once without. The share is what
/// the masks add to the time of all steps, wherever it is spent.
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

    private readonly List<double> _firsts = [];
    private int _forms;

    public string Name => "mask";

    public IAsyncEnumerable<Metric> MeasureAsync(bool quick, string scratch, CancellationToken cancellationToken) =>
        Measure(quick).ToAsyncEnumerable();

    private IEnumerable<Metric> Measure(bool quick)
    {
        using var tokenizer = GrammarTokenizer.Create(WideVocabulary.Model());
        foreach (var metric in Costs(tokenizer, known: false, quick).Concat(Costs(tokenizer, known: true, quick)))
        {
            yield return metric;
        }

        _firsts.Sort();
        const string Where = "once per new form, on the request's own thread, with its first mask";
        yield return new("mask.form.p50", _firsts[_firsts.Count / 2], "ms", null, Where);
        yield return new("mask.form.p99", _firsts[_firsts.Count * 99 / 100], "ms", null, Where);
        using var engine = SlotEngine.Load(
            ModelFolder.Read(BenchModel.EnsureWide()), new() { MaxSequences = Batch, PrefixBytes = 0 });
        foreach (var (rows, known) in new[] { (1, false), (1, true), (Batch, false), (Batch, true) })
        {
            var share = Share(engine, tokenizer, rows, known, quick);
            yield return new(
                $"mask.share.{rows}.{Word(known)}", share, "x", new(0.05, Bound.AtMost),
                known ? "forms that were answered before" : "forms that nobody has asked for before");
        }
    }

    // Each set of answers is made several times in both ways; the least time of each way counts: what is above it was taken by
    // somebody else.
    private double Share(SlotEngine engine, GrammarTokenizer tokenizer, int rows, bool known, bool quick)
    {
        var (masked, free) = (0.0, 0.0);
        for (var first = 0; first < (rows == 1 ? s_schemas.Length : 1); first++)
        {
            var (leastMasked, leastFree) = (double.MaxValue, double.MaxValue);
            for (var round = 0; round < (quick ? 5 : 15); round++)
            {
                var answers = Enumerable.Range(0, rows)
                    .Select(row => Draw(tokenizer, first + row, known, quick ? 24 : 64)).ToArray();
                leastFree = double.Min(leastFree, Seconds(engine, answers, masked: false));
                leastMasked = double.Min(leastMasked, Seconds(engine, answers, masked: true));
                Array.ForEach(answers, static answer => answer.Form.Dispose());
            }

            (masked, free) = (masked + leastMasked, free + leastFree);
        }

        return (masked / free) - 1;
    }

    private static string Word(bool known) => known ? "known" : "new";

    // Processor time per token, wherever it is spent.
    private IEnumerable<Metric> Costs(GrammarTokenizer tokenizer, bool known, bool quick)
    {
        var costs = new List<double>();
        var logits = new float[WideVocabulary.Count];
        for (var answer = 0; answer < (quick ? 60 : 400); answer++)
        {
            var (form, tokens) = Draw(tokenizer, answer, known, 64);
            foreach (var token in tokens)
            {
                var started = Stopwatch.GetTimestamp();
                form.Mask(logits);
                form.Push(token);
                _ = form.Failure;
                costs.Add(Stopwatch.GetElapsedTime(started).TotalMicroseconds);
            }

            form.Dispose();
        }

        costs.Sort();
        yield return new($"mask.cost.{Word(known)}.mean", costs.Average(), "us");
        yield return new($"mask.cost.{Word(known)}.p50", costs[costs.Count / 2], "us");
        yield return new($"mask.cost.{Word(known)}.p99", costs[costs.Count * 99 / 100], "us");
    }

    // An answer of a form, and the form at its beginning: either as earlier answers have left it, or never seen before.
    private Answer Draw(GrammarTokenizer tokenizer, int number, bool known, int most)
    {
        var random = new Random(number);
        var schema = JsonNode.Parse(s_schemas[number % s_schemas.Length])!;
        var tokens = new List<int>();
        var logits = new float[WideVocabulary.Count];
        using (var draft = tokenizer.Compile(Grammar.Json(schema)))
        {
            for (var token = -1; token != WideVocabulary.End && tokens.Count < most; tokens.Add(token))
            {
                Array.Clear(logits);
                draft.Mask(logits);
                token = Pick(logits, random);
                draft.Push(token);
            }
        }

        if (!known)
        {
            schema["title"] = $"form {++_forms}";
        }

        var form = Grammar.Json(schema);
        var started = Stopwatch.GetTimestamp();
        var matcher = tokenizer.Compile(form);
        if (!known)
        {
            _firsts.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        return new(matcher, [.. tokens]);
    }

    private static int Pick(float[] logits, Random random)
    {
        var allowed = logits.Count(static logit => logit == 0);
        var left = random.Next(allowed);
        return Array.FindIndex(logits, logit => logit == 0 && left-- == 0);
    }

    // Of all steps together, prompts included.
    private static double Seconds(SlotEngine engine, Answer[] answers, bool masked)
    {
        foreach (var (id, answer) in answers.Index())
        {
            var prompt = Enumerable.Range(0, 16).Select(static token => token % 7).ToArray();
            if (!engine.TryAdd(new(id, prompt, answer.Tokens.Length, new Replay(answer.Tokens, masked ? answer.Form : null))))
            {
                throw new InvalidOperationException("The engine has fewer slots than the benchmark asked for.");
            }
        }

        var produced = new List<EngineToken>();
        var started = Stopwatch.GetTimestamp();
        while (produced.Count < answers.Sum(static answer => answer.Tokens.Length))
        {
            engine.Step(produced);
        }

        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private sealed record Answer(GrammarMatcher Form, int[] Tokens);

    /// <summary>What a greedy sampler does; then it takes the token that the answer has there.</summary>
    private sealed class Replay(int[] tokens, GrammarMatcher? form) : ITokenSampler
    {
        private int _next;

        public int Sample(Span<float> logits)
        {
            form?.Mask(logits);
            _ = TensorPrimitives.IndexOfMax<float>(logits);
            form?.Push(tokens[_next]);
            return tokens[_next++];
        }
    }
}
