using Kaito.RagEngine.Guardrails;

namespace Kaito.Tests.RagEngine.Guardrails;

/// <summary>Each scanner on whole texts.</summary>
public sealed class ScannerTests
{
    private const string Card = "4111 1111 1111 1111";

    [Theory]
    [InlineData("patterns: ['a.c']", "abc axc", "[REDACTED] axc", true)]
    [InlineData("patterns: ['a.c']\nmatch_type: all", "abc axc", "[REDACTED] [REDACTED]", true)]
    [InlineData("patterns: ['zzz', 'a.c', 'axc']\nmatchType: all", "abc axc", "[REDACTED] [REDACTED]", true)]
    [InlineData("patterns: ['a.c']\nmatch_type: fullmatch", "abc axc", "abc axc", false)]
    [InlineData("patterns: ['a.c']\nmatch_type: fullmatch", "abc", "[REDACTED]", true)]
    [InlineData("patterns: ['a.c']\nis_blocked: false", "abc", "abc", false)]
    [InlineData("patterns: ['a.c']\nis_blocked: false", "xyz", "xyz", true)]
    [InlineData(@"patterns: ['(?P<q>x)(?P=q)\Z']", "xaxx", "xa[REDACTED]", true)]
    [InlineData(@"patterns: ['(?i)\bsk-[A-Za-z0-9]{20,}\b']", "SK-abcdefghijABCDEFGHIJ.", "[REDACTED].", true)]
    [InlineData("patterns: ['a.c']", "   ", "   ", false)]
    public void Regex_Texts_AreRedactedAsConfigured(string fields, string text, string expected, bool hit) =>
        Check("type: regex\n" + fields, text, expected, hit);

    [Theory]
    [InlineData("", "Foo foobar foo", "[REDACTED] foobar [REDACTED]", true)]
    [InlineData("match_type: str", "Foo foobar", "[REDACTED] [REDACTED]bar", true)]
    [InlineData("match_type: str\ncase_sensitive: true", "Foo foobar", "Foo [REDACTED]bar", true)]
    [InlineData("contains_all: true", "only foo here", "only foo here", false)]
    [InlineData("contains_all: true", "foo and a big cat", "[REDACTED] and [REDACTED]", true)]
    [InlineData("", "nothing", "nothing", false)]
    public void BanSubstrings_Texts_AreReplaced(string fields, string text, string expected, bool hit) =>
        Check("type: ban_substrings\nsubstrings: [foo, a big cat]\n" + fields, text, expected, hit);

    [Theory]
    [InlineData("[abc, bcd]", "xabcdx", "x[REDACTED]x")]
    [InlineData("['#tag']", "a #tag b", "a [REDACTED] b")]
    [InlineData("[aa]", "aaaa", "[REDACTED]")]
    public void BanSubstrings_Overlapping_BecomeOne(string banned, string text, string expected) =>
        Check($"type: ban_substrings\nmatch_type: str\nsubstrings: {banned}", text, expected, true);

    [Theory]
    [InlineData("required_elements: 1", """Here: {"a": 1} and more""", """Here: {"a": 1} and more""", false)]
    [InlineData("required_elements: 2", """{"a": 1}""", """{"a": 1}""", true)]
    [InlineData("", """{'a': True, b: [1, 2,], "c": None}""", """{"a":true,"b":[1,2],"c":null}""", false)]
    [InlineData("repair: false", "{'a': 1}", "{'a': 1}", true)]
    [InlineData("", """{"a": 1, "b": 2""", """{"a": 1, "b": 2""", false)]
    [InlineData("", """{"a": "}{"}""", """{"a": "}{"}""", false)]
    [InlineData("", "{a: &x [*x, *x]}", "{a: &x [*x, *x]}", true)]
    [InlineData("required_elements: 1", " ", " ", false)]
    public void Json_Objects_AreCheckedAndRepaired(string fields, string text, string expected, bool hit) =>
        Check("type: json\n" + fields, text, expected, hit);

    [Theory]
    [InlineData("max_time: 0.01\ntruncate: true", "one two three", "one two", true)]
    [InlineData("max_time: 0.01", "one two three", "one two three", true)]
    [InlineData("max_time: 0.01\ntruncate: true", "one\n two", "one\n two", false)]
    public void ReadingTime_LongTexts_AreCut(string fields, string text, string expected, bool hit) =>
        Check("type: reading_time\n" + fields, text, expected, hit);

    [Theory]
    [InlineData(1, "hello world", "hello", true)]
    [InlineData(2, "hello world", "hello world", true)]
    [InlineData(3, "hello world", "hello world", false)]
    [InlineData(4, "it's 12345", "it's 123", true)]
    public void TokenLimit_LongTexts_AreCut(int limit, string text, string expected, bool hit) =>
        Check($"type: token_limit\nlimit: {limit}\nencoding_name: cl100k_base", text, expected, hit);

    [Theory]
    [InlineData("key AKIAIOSFODNN7EXAMPLE.", "key ******.")]
    [InlineData("ghp_0123456789abcdefghijABCDEFGHIJ012345", "******")]
    [InlineData("sk-proj-abcdefghijklmnopqrstuv then", "****** then")]
    [InlineData("password = \"my horse staple\"", "password = \"******\"")]
    [InlineData("API_KEY: abc123def456", "API_KEY: ******")]
    [InlineData("The password: remember it well", "The password: remember it well")]
    [InlineData("postgres://bob:hunter2@db/x", "postgres://bob:******@db/x")]
    [InlineData("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nok", "******\nok")]
    [InlineData("-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----")]
    [InlineData("x = 'ZWVTjPQSdhwRgl204Hc51YCsritMIzn8B='", "x = '******'")]
    [InlineData("id = '2b00042f7481c7b056c4b410d28f33cf'", "id = '******'")]
    [InlineData("n = '00000000000000000000000000'", "n = '00000000000000000000000000'")]
    [InlineData("token: hunter22x9 and hunter22x9 again", "token: ****** and ****** again")]
    [InlineData("token: ghp_0123456789abcdefghijABCDEFGHIJ012345", "token: ******")]
    [InlineData("Nothing to see, a_normal_identifier_of_code here", "Nothing to see, a_normal_identifier_of_code here")]
    public void Secrets_Values_AreHidden(string text, string expected) =>
        Check("type: secrets", text, expected, text != expected);

    [Fact]
    public void Secrets_Repeated_AreHiddenEachTime()
    {
        var text = string.Join(' ', Enumerable.Repeat("AKIAIOSFODNN7EXAMPLE", 20));

        Check("type: secrets", text, string.Join(' ', Enumerable.Repeat("******", 20)), true);
    }

    [Theory]
    [InlineData("partial", "AK..LE")]
    [InlineData("hash", "a5d7d2d11ea4ed1e5dd5e5a20d2a50f2")]
    public void Secrets_Modes_LeaveWhatTheySay(string mode, string expected)
    {
        var scan = Policies.Scanner($"type: secrets\nredactMode: {mode}")
            .Scan("AKIAIOSFODNN7EXAMPLE", 0, new HashSet<string>());

        Assert.True(scan.Hit);
        if (mode == "partial")
        {
            Assert.Equal(expected, scan.Text);
        }
        else
        {
            Assert.Matches("^[0-9a-f]{32}$", scan.Text);
        }
    }

    [Theory]
    [InlineData("", "mail bob@example.com now", "mail <EMAIL> now")]
    [InlineData("", "call +1 (425) 555-0100.", "call <PHONE>.")]
    [InlineData("", "call 4255550100.", "call 4255550100.")]
    [InlineData("", "pay " + Card + "!", "pay <CREDIT_CARD>!")]
    [InlineData("detectors: [credit_card]", "pay 4111 1111 1111 1112!", "pay 4111 1111 1111 1112!")]
    [InlineData("", "at 10.0.0.1 or 256.1.1.1 or 01.1.1.1", "at <IP_ADDRESS> or 256.1.1.1 or 01.1.1.1")]
    [InlineData("detectors: [email]", "bob@example.com 10.0.0.1", "<EMAIL> 10.0.0.1")]
    public void Sensitive_Figures_BecomeTheirKind(string fields, string text, string expected) =>
        Check("type: sensitive\n" + fields, text, expected, text != expected);

    [Theory]
    [InlineData("hello\u200Bworld", "helloworld", true)]
    [InlineData("a\uE000b\U000E0041c", "abc", true)]
    [InlineData("plain é 中", "plain é 中", false)]
    public void InvisibleText_Characters_AreRemoved(string text, string expected, bool hit) =>
        Check("type: invisible_text", text, expected, hit);

    private static void Check(string scanner, string text, string expected, bool hit)
    {
        var policy = Policies.Whole($"scanners:\n- {scanner.TrimEnd().ReplaceLineEndings("\n  ")}");
        var scan = new OutputScan(policy);

        var passed = scan.Push(text, last: true);

        Assert.Equal((expected, hit), (passed, scan.Findings.Count > 0));
    }
}
