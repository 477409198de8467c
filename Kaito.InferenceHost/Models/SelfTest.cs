using System.Globalization;
using System.Numerics.Tensors;
using Kaito.InferenceHost.Engine;

namespace Kaito.InferenceHost.Models;

/// <summary>
/// What an engine must do before it serves anybody: a few tokens, whose logits are numbers, and the same numbers whether the
/// tokens come at once or one after another, alone or beside others. A driver, kernel or model that garbles answers
/// seldom passes, and a host that does not start is better than one that talks nonsense.
/// </summary>
internal static class SelfTest
{
    private const int PromptTokens = 5;

    private const int MostSteps = 64;

    // Of the distance between the highest and the lowest logit: kernels for one row and for several round differently.
    private const float Tolerance = 0.1f;

    /// <param name="engine">Runs nothing.</param>
    /// <param name="reference">Runs the same model in another way; null for no such comparison.</param>
    /// <exception cref="EngineException">It cannot be trusted; the message is the end of a sentence about the model.</exception>
    public static void Run(IInferenceEngine engine, IInferenceEngine? reference = null)
    {
        var context = engine.Limits.ContextTokens;
        var vocabulary = engine.Limits.VocabularySize;
        var prompt = Prompt(int.Clamp(context - 2, 1, PromptTokens), 1, vocabulary);
        var count = context > prompt.Length + 1 ? 2 : 1;
        var alone = Answer(engine, [(prompt, count)])[0];
        if (count == 2)
        {
            int[] longer = [.. prompt, alone.Tokens[0]];
            var other = Prompt(prompt.Length, 3, vocabulary);
            var together = Answer(engine, [(prompt, 2), (longer, 1), (other, 2)]);
            Compare(alone.Logits[0], together[0].Logits[0], "for a prompt alone and beside others");
            Compare(alone.Logits[1], together[0].Logits[1], "for a sequence alone and beside others");
            Compare(alone.Logits[1], together[1].Logits[0], "for tokens one by one and for the same tokens at once");
        }

        if (reference is not null)
        {
            Compare(alone.Logits[0], Answer(reference, [(prompt, 1)])[0].Logits[0], "on the accelerator and on the processor");
        }
    }

    private static int[] Prompt(int length, int first, int vocabulary) =>
        [.. Enumerable.Range(0, length).Select(i => (int)((first + (i * 7919L)) % vocabulary))];

    private static Recorder[] Answer(IInferenceEngine engine, (int[] Prompt, int Count)[] sequences)
    {
        var answers = sequences.Select(static _ => new Recorder()).ToArray();
        var (next, steps) = (0, 0);
        var produced = new List<EngineToken>();
        while (answers.Index().Any(answer => answer.Item.Tokens.Count < sequences[answer.Index].Count))
        {
            while (next < sequences.Length && engine.TryAdd(
                new(next, sequences[next].Prompt, sequences[next].Count, answers[next]) { Unremembered = true, OneByOne = true }))
            {
                next++;
            }

            if (++steps > MostSteps)
            {
                throw new EngineException("it loads and produces no token.");
            }

            engine.Step(produced);
        }

        for (var id = 0; id < sequences.Length; id++)
        {
            engine.Remove(id);
        }

        return answers;
    }

    private static void Compare(float[] one, float[] other, string when)
    {
        var span = TensorPrimitives.Max<float>(one) - TensorPrimitives.Min<float>(one);
        var apart = one.Zip(other, static (a, b) => float.Abs(a - b)).Max();
        if (apart > Tolerance * span)
        {
            throw new EngineException(string.Create(
                CultureInfo.InvariantCulture,
                $"it computes different numbers {when}: {apart:G3} apart, where {Tolerance * span:G3} is allowed."));
        }
    }

    private sealed class Recorder : ITokenSampler
    {
        public List<float[]> Logits { get; } = [];

        public List<int> Tokens { get; } = [];

        public int Sample(Span<float> logits)
        {
            // A sum is a number if and only if all parts are, or it is too large to be one of logits.
            if (!float.IsFinite(TensorPrimitives.SumOfMagnitudes<float>(logits)))
            {
                throw new EngineException("it produces logits that are not numbers.");
            }

            Logits.Add([.. logits]);
            Tokens.Add(TensorPrimitives.IndexOfMax<float>(logits));
            return Tokens[^1];
        }
    }
}
