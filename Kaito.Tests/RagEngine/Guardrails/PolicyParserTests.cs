using Kaito.RagEngine.Guardrails;
using Kaito.RagEngine.Guardrails.Scanners;

namespace Kaito.Tests.RagEngine.Guardrails;

/// <summary>What a policy document means, and what of a faulty one is left.</summary>
public sealed class PolicyParserTests
{
    [Fact]
    public void Parse_ShippedPolicy_HasItsThreeScanners()
    {
        var policy = Policies.Whole("""
            action: redact
            scanners:
            - type: regex
              patterns: ['-----BEGIN (?:[A-Z ]+)?PRIVATE KEY-----', '\bAKIA[0-9A-Z]{16}\b', '(?i)\bbearer\s+[A-Za-z0-9._\-]{20,}\b']
            - type: secrets
              redactMode: partial
            - type: sensitive
              detectors: [email, phone, credit_card, ip_address]
            """);

        Assert.Equal(["regex", "secrets", "sensitive"], policy.Scanners.Select(static s => s.Type));
        Assert.All(policy.Scanners, static s => Assert.Equal(GuardrailAction.Redact, s.Action));
        Assert.Equal((PolicyOutcome.Read, true, 64), (policy.Outcome, policy.Enabled, policy.Hash.Length));
        Assert.Equal(GuardrailPolicy.DefaultMessage, policy.BlockMessage);
    }

    [Theory]
    [InlineData("banSubstrings")]
    [InlineData("ban-substrings")]
    [InlineData(" BAN_SUBSTRINGS ")]
    public void Parse_NamesInAnySpelling_AreOne(string type)
    {
        var policy = Policies.Whole($"blockMessage: no\nscanners:\n- type: '{type}'\n  action: BLOCK\n  substrings: [a]\n  containsAll: true");

        var scanner = Assert.IsType<BanSubstringsScanner>(Assert.Single(policy.Scanners));
        Assert.Equal((GuardrailAction.Block, true, "no"), (scanner.Action, scanner.NeedsWhole, policy.BlockMessage));
    }

    [Theory]
    [InlineData("a: [", "Unreadable", "load_failed")]
    [InlineData("", "Invalid", "invalid")]
    [InlineData("- a", "Invalid", "invalid")]
    [InlineData("action: redact", "Invalid", "invalid_scanners")]
    [InlineData("scanners: {a: b}", "Invalid", "invalid_scanners")]
    public void Parse_NoPolicy_HasNoScannerAndSaysWhy(string yaml, string outcome, string name)
    {
        var policy = Policies.Parse(yaml);

        Assert.Equal((true, outcome, 0), (policy.Enabled, policy.Outcome.ToString(), policy.Scanners.Length));
        Assert.Equal("output_guardrails_policy_" + name, Assert.Single(policy.Problems).Event);
        Assert.False(policy.Whole);
    }

    [Theory]
    [InlineData("just text", "type")]
    [InlineData("type: ''", "type")]
    [InlineData("type: magic", "magic")]
    [InlineData("type: regex", "patterns")]
    [InlineData("type: regex\n  patterns: ['(']", "'('")]
    [InlineData("type: regex\n  patterns: [1, true]", "patterns")]
    [InlineData("type: regex\n  patterns: [a]\n  is_blocked: 'true'", "is_blocked")]
    [InlineData("type: regex\n  patterns: [a]\n  match_type: some", "match_type")]
    [InlineData("type: ban_substrings", "substrings")]
    [InlineData("type: ban_substrings\n  substrings: [a]\n  match_type: part", "match_type")]
    [InlineData("type: json\n  required_elements: -1", "required_elements")]
    [InlineData("type: json\n  repair: 'no'", "repair")]
    [InlineData("type: reading_time", "max_time")]
    [InlineData("type: reading_time\n  max_time: 0", "max_time")]
    [InlineData("type: token_limit\n  limit: 0", "limit")]
    [InlineData("type: token_limit\n  limit: many", "limit")]
    [InlineData("type: secrets\n  redact_mode: some", "redact_mode")]
    [InlineData("type: sensitive\n  detectors: [email, name]", "'name'")]
    [InlineData("type: sensitive\n  detectors: []", "detectors")]
    [InlineData("type: invisible_text\n  strict: true", "strict")]
    public void Parse_ScannerThatIsWrong_IsLeftOutAndNamed(string scanner, string named)
    {
        var policy = Policies.Parse($"scanners:\n- {scanner}\n- type: sensitive\n  detectors: [email, email]");

        Assert.Equal("sensitive", Assert.Single(policy.Scanners).Type);
        Assert.Contains(named, Assert.Single(policy.Problems).Text, StringComparison.Ordinal);
        Assert.Equal((PolicyOutcome.Read, false), (policy.Outcome, policy.Whole));
    }

    [Fact]
    public void Parse_UnknownAction_IsRedactAndSaid()
    {
        var policy = Policies.Parse("action: drop\nscanners:\n- type: sensitive\n  action: shout");

        Assert.Equal((GuardrailAction.Redact, GuardrailAction.Redact), (policy.Action, policy.Scanners[0].Action));
        Assert.Equal(2, policy.Problems.Count(static p => p.Event == "output_guardrails_policy_invalid_action"));
    }

    [Fact]
    public void Parse_StringsAmongOthers_AreKept()
    {
        var policy = Policies.Whole("scanners:\n- type: ban_substrings\n  substrings: [1, secret, null, '2']");

        Assert.Equal(("1 [REDACTED] [REDACTED]", false), Policies.Apply(policy, "1 secret 2"));
    }
}
