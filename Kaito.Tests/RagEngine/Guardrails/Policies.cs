using System.Text;
using Kaito.RagEngine.Guardrails;

namespace Kaito.Tests.RagEngine.Guardrails;

/// <summary>Policies of tests.</summary>
internal static class Policies
{
    public static GuardrailPolicy Parse(string yaml) => PolicyParser.Parse(Encoding.UTF8.GetBytes(yaml), "policy.yaml");

    /// <summary>One that has every scanner it names.</summary>
    public static GuardrailPolicy Whole(string yaml)
    {
        var policy = Parse(yaml);
        Assert.Empty(policy.Problems);
        return policy;
    }

    /// <param name="scanner">Its lines, the first without indentation.</param>
    public static OutputScanner Scanner(string scanner) => Assert.Single(Whole($"""
        scanners:
        - {scanner.ReplaceLineEndings("\n  ")}
        """).Scanners);

    public static (string Text, bool Blocked) Apply(GuardrailPolicy policy, params ReadOnlySpan<string> pieces)
    {
        var scan = new OutputScan(policy);
        var text = new StringBuilder();
        foreach (var piece in pieces)
        {
            text.Append(scan.Push(piece, last: false));
        }

        text.Append(scan.Push("", last: true));
        return (text.ToString(), scan.Blocked);
    }
}
