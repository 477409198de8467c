using System.Text;
using Kaito.InferenceHost.Constraints;

namespace Kaito.Tests.InferenceHost.Constraints;

/// <summary>The corpus with a vocabulary of bytes, so that answers hold characters of every script, cut anywhere.</summary>
public sealed class ByteAnswersTests
{
    private const int End = ByteVocabulary.End;

    [Fact]
    public void Answers_OfTheWholeCorpus_AreValidTextAndValid()
    {
        using var tokenizer = GrammarTokenizer.Create(ByteVocabulary.Model());
        var problems = new List<string>();
        var (finished, beyondAscii) = (0, 0);
        foreach (var (seed, schema) in SchemaCorpus.All.Index())
        {
            using var matcher = tokenizer.Compile(Grammar.Json(schema));
            if (Answer(matcher, new(seed)) is not { } bytes)
            {
                continue;
            }

            finished++;
            beyondAscii += bytes.Any(static value => value > 127) ? 1 : 0;
            var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
            if (SchemaJudge.Problem(schema, text) is { } problem)
            {
                problems.Add($"{problem}\n  {schema.ToJsonString()}\n  {text}");
            }
        }

        Assert.True(problems.Count == 0, string.Join("\n", problems.Take(20)));
        Assert.InRange(finished, SchemaCorpus.All.Count * 95 / 100, SchemaCorpus.All.Count);
        Assert.InRange(beyondAscii, 20, finished);
    }

    // Null for one that did not end.
    private static byte[]? Answer(GrammarMatcher matcher, Random random)
    {
        var answer = new List<byte>();
        var logits = new float[End + 1];
        while (answer.Count < 4000)
        {
            Array.Clear(logits);
            matcher.Mask(logits);
            Assert.Null(matcher.Failure);
            var token = Pick(logits, random);
            if (token == End)
            {
                return [.. answer];
            }

            matcher.Push(token);
            answer.Add((byte)token);
        }

        return null;
    }

    // What closes is taken every other time, or random text would hardly ever end.
    private static int Pick(float[] logits, Random random)
    {
        foreach (var closing in (ReadOnlySpan<int>)[End, '"', ']', '}'])
        {
            if (logits[closing] == 0 && random.Next(2) == 0)
            {
                return closing;
            }
        }

        var left = random.Next(logits.Count(static logit => logit == 0));
        return Array.FindIndex(logits, logit => logit == 0 && left-- == 0);
    }
}
