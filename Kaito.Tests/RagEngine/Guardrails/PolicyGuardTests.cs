using System.Text;
using System.Text.Json.Nodes;
using Kaito.RagEngine.Guardrails;
using Kaito.RagEngine.Http;
using Kaito.RagEngine.Metrics;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaito.Tests.RagEngine.Guardrails;

/// <summary>Whole answers.</summary>
public sealed class PolicyGuardTests
{
    private const string Policy =
        """
        blockMessage: blocked-by-policy
        scanners:
        - type: regex
          patterns: ['https?://\S+']
        - type: ban_substrings
          action: block
          substrings: [classified]
        """;

    private readonly RagMetrics _metrics = new(TimeProvider.System);

    [Fact]
    public async Task Apply_Redacted_ChangesTheTextAndNothingElse()
    {
        JsonNode answer = Answer("Visit https://a.example/x now");

        answer = await ApplyAsync(Policy, answer);

        var choice = answer["choices"]![0]!;
        Assert.Equal("Visit [REDACTED] now", (string?)choice["message"]!["content"]);
        Assert.Equal("stop", (string?)choice["finish_reason"]);
        Assert.Null(choice["logprobs"]);
        Assert.Equal("chatcmpl-1", (string?)answer["id"]);
        AssertCount("ragengine_guardrails_response_scanner_hits_total{scanner_type=\"regex\",action=\"redact\"} 1.0");
        AssertCount("ragengine_guardrails_response_actions_total{final_action=\"redact\"} 1.0");
    }

    [Fact]
    public async Task Apply_Blocked_IsTheMessageWithTheSameReason()
    {
        JsonNode answer = Answer("It is classified.");

        answer = await ApplyAsync(Policy, answer);

        var choice = answer["choices"]![0]!;
        Assert.Equal("blocked-by-policy", (string?)choice["message"]!["content"]);
        Assert.Equal("stop", (string?)choice["finish_reason"]);
        AssertCount("ragengine_guardrails_response_actions_total{final_action=\"block\"} 1.0");
    }

    [Fact]
    public async Task Apply_ForbiddenThought_BlocksThatChoiceOnly()
    {
        JsonNode answer = Answer("Fine.", "Also fine.");
        answer["choices"]![0]!["message"]!["reasoning_content"] = "this is classified";

        answer = await ApplyAsync(Policy, answer);

        Assert.Equal("blocked-by-policy", (string?)answer["choices"]![0]!["message"]!["content"]);
        Assert.Null(answer["choices"]![0]!["message"]!["reasoning_content"]);
        Assert.Equal("Also fine.", (string?)answer["choices"]![1]!["message"]!["content"]);
    }

    [Theory]
    [InlineData("""{"choices":[{"message":{"content":null,"tool_calls":[]},"logprobs":{}}]}""")]
    [InlineData("""{"choices":[{"message":{"content":[{"type":"text"}]}}]}""")]
    [InlineData("""{"choices":[{"text":"https://x"}]}""")]
    [InlineData("""{"choices":[]}""")]
    [InlineData("""{"choices":[{"message":{"content":"clean"},"logprobs":{"content":[]}}]}""")]
    public async Task Apply_NothingToScanOrFind_LeavesTheAnswer(string json)
    {
        var answer = JsonNode.Parse(json)!;

        answer = await ApplyAsync(Policy, answer);

        Assert.Equal(json, answer.ToJsonString());
        AssertCount("ragengine_guardrails_response_actions_total{final_action=\"allow\"} 1.0");
    }

    [Fact]
    public async Task Apply_ScannerFails_WithholdsTheAnswer()
    {
        var policy = Policies.Whole(Policy) with { Scanners = [new FailingScanner()] };

        var thrown = await Assert.ThrowsAsync<RagException>(() => ApplyAsync(policy, Answer("a")));

        Assert.Equal(500, thrown.Status);
        Assert.Equal("Output guardrails failed while scanning the model response.", thrown.Message);
        AssertCount("ragengine_guardrails_response_actions_total{final_action=\"fail_closed\"} 1.0");
    }

    [Theory]
    [InlineData("- type: json", "stream=true with output guardrails only supports ['ban_substrings', 'invisible_text', 'secrets', 'sensitive'] scanners. Unsupported scanner: json.")]
    [InlineData("- type: ban_substrings\n  substrings: [a]\n  contains_all: true", "stream=true does not support contains_all=true for scanner=ban_substrings because the current windowed implementation cannot track matches across the complete response.")]
    [InlineData("- type: secrets\n  redact_mode: hash", "stream=true with action=redact for scanner=secrets only supports redact_mode=all.")]
    [InlineData("- type: secrets\n  redact_mode: hash\n  action: block", null)]
    [InlineData("- type: sensitive\n- type: invisible_text\n- type: secrets", null)]
    public void Refusal_PoliciesThatUpstreamCannotStream_AreNamedInItsWords(string scanners, string? expected) =>
        Assert.Equal(expected, StreamingSupport.Refusal(Policies.Whole("scanners:\n" + scanners)));

    private static JsonObject Answer(params string[] texts) => new()
    {
        ["id"] = "chatcmpl-1",
        ["choices"] = new JsonArray([.. texts.Select(static (text, i) => new JsonObject
        {
            ["index"] = i,
            ["message"] = new JsonObject { ["role"] = "assistant", ["content"] = text },
            ["logprobs"] = new JsonObject { ["content"] = text },
            ["finish_reason"] = "stop",
        })]),
    };

    private Task<JsonNode> ApplyAsync(string policy, JsonNode answer) => ApplyAsync(Policies.Whole(policy), answer);

    private async Task<JsonNode> ApplyAsync(GuardrailPolicy policy, JsonNode answer)
    {
        var guard = new PolicyGuard(policy, new(_metrics, NullLogger<Verdicts>.Instance));
        var bytes = Encoding.UTF8.GetBytes(answer.ToJsonString());
        return JsonNode.Parse(await guard.CheckAsync(bytes, "", TestContext.Current.CancellationToken))!;
    }

    private void AssertCount(string line) => Assert.Contains(line, _metrics.Render(), StringComparison.Ordinal);

    private sealed class FailingScanner() : OutputScanner("failing")
    {
        public override Scan Scan(string text, int start, ISet<string> known) => throw new FormatException("broken");
    }
}
