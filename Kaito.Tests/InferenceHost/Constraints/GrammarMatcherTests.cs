using Kaito.InferenceHost.Constraints;

namespace Kaito.Tests.InferenceHost.Constraints;

/// <summary>Masks that are made ahead and on other threads, by matchers that have served others.</summary>
public sealed class GrammarMatcherTests : IDisposable
{
    private readonly GrammarTokenizer _tokenizer = GrammarTokenizer.Create(ByteVocabulary.Model());

    [Fact]
    public void Compile_FormsAnsweredBefore_MaskAsNewOnesDo()
    {
        using var fresh = GrammarTokenizer.Create(ByteVocabulary.Model());
        foreach (var (seed, schema) in SchemaCorpus.All.Take(120).Index())
        {
            var form = Grammar.Json(schema);
            using (var first = _tokenizer.Compile(form))
            {
                _ = Walk(first, new(seed + 1));
            }

            using var again = _tokenizer.Compile(form);
            using var never = fresh.Compile(form);
            Assert.Equal(Walk(never, new(seed)), Walk(again, new(seed)));
        }
    }

    [Fact]
    public void Dispose_WhileTheMaskIsMade_LeavesTheNextAnswerWhole()
    {
        var form = Grammar.Regex("(abc|abd|xyz){1,40}");
        string expected;
        using (var whole = _tokenizer.Compile(form))
        {
            expected = Walk(whole, new(7));
        }

        for (var round = 0; round < 500; round++)
        {
            var left = _tokenizer.Compile(form);
            left.Push('a');
            left.Push('b');
            left.Dispose();
            left.Dispose();
        }

        using var next = _tokenizer.Compile(form);
        Assert.Equal(expected, Walk(next, new(7)));
    }

    [Fact]
    public void Clone_AfterTokens_GoesOnApartFromTheOther()
    {
        using var one = _tokenizer.Compile(Grammar.Regex("a(b|c)d"));
        one.Push('a');
        using var two = one.Clone();

        one.Push('b');

        Assert.Equal("bc", Allowed(two));
        Assert.Equal("d", Allowed(one));
    }

    [Fact]
    public void Push_WhatTheFormForbids_IsAFailureOfThisAnswerAlone()
    {
        var form = Grammar.Regex("ab");
        using (var wrong = _tokenizer.Compile(form))
        {
            wrong.Push('x');
            Assert.NotNull(wrong.Failure);
            Assert.Equal([(char)ByteVocabulary.End], Allowed(wrong));
        }

        using var next = _tokenizer.Compile(form);
        Assert.Equal("a", Allowed(next));
        Assert.Null(next.Failure);
    }

    [Fact]
    public void MaskAndPush_Warm_AllocateNextToNothing()
    {
        var form = Grammar.Regex("[ab]{2000}");
        var logits = new float[ByteVocabulary.End + 1];
        using var matcher = _tokenizer.Compile(form);
        Spell(matcher, logits, 500);
        var before = GC.GetAllocatedBytesForCurrentThread();

        Spell(matcher, logits, 1000);

        // The thread pool's queue grows now and then.
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / 1000, 0, 100);
    }

    public void Dispose() => _tokenizer.Dispose();

    private static void Spell(GrammarMatcher matcher, float[] logits, int count)
    {
        for (var token = 0; token < count; token++)
        {
            matcher.Mask(logits);
            matcher.Push(token % 2 == 0 ? 'a' : 'b');
        }
    }

    // What was allowed at each place, and what was taken.
    private static string Walk(GrammarMatcher matcher, Random random)
    {
        var seen = new List<string>();
        for (var length = 0; length < 60; length++)
        {
            var allowed = Allowed(matcher);
            Assert.Null(matcher.Failure);
            var next = allowed[random.Next(allowed.Length)];
            seen.Add($"{allowed}:{next}");
            if (next == ByteVocabulary.End)
            {
                break;
            }

            matcher.Push(next);
        }

        return string.Join('\n', seen);
    }

    // A character per token.
    private static string Allowed(GrammarMatcher matcher)
    {
        var logits = new float[ByteVocabulary.End + 1];
        matcher.Mask(logits);
        return new([.. Enumerable.Range(0, logits.Length).Where(token => logits[token] == 0).Select(static token => (char)token)]);
    }
}
