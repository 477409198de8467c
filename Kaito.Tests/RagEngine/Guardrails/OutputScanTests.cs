using System.Text;
using Kaito.RagEngine.Guardrails;

namespace Kaito.Tests.RagEngine.Guardrails;

/// <summary>An answer's pieces must not matter.</summary>
public sealed class OutputScanTests
{
    private const string Redacting =
        """
        scanners:
        - type: invisible_text
        - type: ban_substrings
          substrings: [foo, a big cat, 'secret plan']
        - type: ban_substrings
          match_type: str
          substrings: [abc, bcd, ab]
        - type: secrets
        - type: sensitive
        """;

    private const string Blocking =
        """
        action: block
        scanners:
        - type: ban_substrings
          substrings: [foo, a big cat]
        - type: secrets
        - type: sensitive
        """;

    private static readonly string[] s_forbidden =
    [
        "AKIAIOSFODNN7EXAMPLE", "bob@example.com", "+1 (425) 555-0100", "4111 1111 1111 1111", "10.0.0.1",
        "password = \"my horse staple\"", "API_KEY: abc123def456", "postgres://bob:hunter2@db/x", "a big cat", "foo",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE abc\n-----END RSA PRIVATE KEY-----",
        "'ZWVTjPQSdhwRgl204Hc51YCsritMIzn8B='",
    ];

    private static readonly string[] s_harmless =
    [
        " ", "\n", "word", "你好", "。", "the ", "foobar ", "a big ", "12 ", "4111 1111 ", "pass", "password ", "token: ",
        "-----BEGIN ", "abcd", "ab ", "\u200B", "😀", "é", "(", "\"", "'", "x@", "10.0.", "é9", ", ",
    ];

    // The fragments of s_forbidden that give the value away.
    private static readonly string[] s_values =
    [
        "AKIAIOSFODNN7EXAMPLE", "bob@example.com", "4111 1111 1111 1111", "my horse staple", "abc123def456", "hunter2",
        "MIIE", "ZWVTjPQSdhwRgl204Hc51YCsritMIzn8B",
    ];

    [Fact]
    public void Push_TenThousandChunkings_GiveTheWholeTextsVerdict()
    {
        var random = new Random(7);
        var redact = Policies.Whole(Redacting);
        var block = Policies.Whole(Blocking);
        var (blocked, changed) = (0, 0);
        for (var round = 0; round < 5_000; round++)
        {
            var text = Compose(random);
            foreach (var policy in (GuardrailPolicy[])[redact, block])
            {
                var whole = Policies.Apply(policy, text);
                var pieces = Cut(random, text);
                var streamed = Policies.Apply(policy, pieces);

                Assert.True(whole.Blocked == streamed.Blocked, $"Verdict differs for pieces of: {text}");
                if (!whole.Blocked)
                {
                    Assert.True(
                        whole.Text == streamed.Text,
                        $"Round {round}, pieces {string.Join('|', pieces)}: {streamed.Text} is not {whole.Text}");
                }

                blocked += whole.Blocked ? 1 : 0;
                changed += whole.Text != text ? 1 : 0;
            }
        }

        Assert.InRange(blocked, 1_000, 4_999);
        Assert.InRange(changed, 5_000, 9_999);
    }

    [Fact]
    public void Push_ForbiddenText_IsNeverReleased()
    {
        var random = new Random(11);
        var policies = new[] { Policies.Whole(Redacting), Policies.Whole(Blocking) };
        for (var round = 0; round < 2_000; round++)
        {
            var value = s_forbidden[random.Next(s_forbidden.Length)];
            var text = $"Well: {value} and then some.";
            foreach (var policy in policies)
            {
                var passed = Policies.Apply(policy, Cut(random, text)).Text;

                Assert.DoesNotContain(value, passed, StringComparison.Ordinal);
                Assert.All(s_values, v => Assert.DoesNotContain(v, passed, StringComparison.Ordinal));
            }
        }
    }

    [Fact]
    public void Push_DecidedText_DoesNotWaitForTheEnd()
    {
        var scan = new OutputScan(Policies.Whole(Redacting));

        Assert.Equal("", scan.Push("Hello", last: false));
        Assert.Equal("Hello ", scan.Push(" wor", last: false));
        Assert.Equal("world, ", scan.Push("ld, bob@exam", last: false));
        Assert.Equal("<EMAIL> ", scan.Push("ple.com ", last: false));
        Assert.Equal("end", scan.Push("end", last: true));
    }

    [Fact]
    public void Push_OrderOfThePolicy_Decides()
    {
        var redact = "\n- type: sensitive\n  detectors: [email]";
        var block = "\n- type: ban_substrings\n  action: block\n  match_type: str\n  substrings: ['@']";

        Assert.Equal(("<EMAIL>", false), Policies.Apply(Policies.Whole("scanners:" + redact + block), "a@b.com"));
        Assert.True(Policies.Apply(Policies.Whole("scanners:" + block + redact), "a@b.com").Blocked);
    }

    [Fact]
    public void Push_TextWithoutABreak_IsBlockedNotHeldForEver()
    {
        var scan = new OutputScan(Policies.Whole("scanners:\n- type: sensitive"));
        var released = "";
        for (var i = 0; i < 100 && !scan.Blocked; i++)
        {
            released += scan.Push(new('x', 1000), last: false);
        }

        Assert.True(scan.Blocked);
        Assert.Equal("", released);
    }

    [Fact]
    public void Push_ScannerOfWholeTexts_ReleasesAtTheEnd()
    {
        var scan = new OutputScan(Policies.Whole("scanners:\n- type: regex\n  patterns: ['b+']"));

        Assert.Equal("", scan.Push("ab bb ", last: false));
        Assert.Equal("a[REDACTED] bb b", scan.Push("b", last: true));
    }

    private static string Compose(Random random)
    {
        var text = new StringBuilder();
        for (var parts = random.Next(1, 9); parts > 0; parts--)
        {
            var from = random.Next(5) == 0 ? s_forbidden : s_harmless;
            text.Append(from[random.Next(from.Length)]);
        }

        return text.ToString();
    }

    private static string[] Cut(Random random, string text)
    {
        var pieces = new List<string>();
        for (var at = 0; at < text.Length;)
        {
            var length = Math.Min(random.Next(0, random.Next(2, 12)), text.Length - at);
            pieces.Add(text.Substring(at, length));
            at += length;
        }

        return [.. pieces];
    }
}
