using System.Security.Cryptography;
using System.Text;

namespace Kaito.RagEngine.Guardrails.Scanners;

/// <summary>How much of a secret stays readable.</summary>
internal enum SecretRedaction
{
    /// <summary>Nothing: six asterisks.</summary>
    All,

    /// <summary>Its first two and its last two characters.</summary>
    Partial,

    /// <summary>Its MD5, so that two places with the same secret can be told to be the same.</summary>
    Hash,
}

/// <summary>Keys, tokens, passwords and what looks random between quotes.</summary>
/// <param name="mode">What takes a secret's place.</param>
internal sealed class SecretsScanner(SecretRedaction mode) : OutputScanner(Name)
{
    public const string Name = "secrets";

    private const int ShortestRepeated = 6;

    public SecretRedaction Mode => mode;

    public override bool NeedsWhole => false;

    public override int Decided(string text, int start) => Cuts.Last(text, start, SecretPatterns.Open);

    public override Scan Scan(string text, int start, ISet<string> known)
    {
        var found = SecretPatterns.Find(text, start).Select(s => Hide(text, s.Start, s.End)).ToList();

        // What was a secret once is one wherever it comes again, also without what gave it away.
        var again = known.ToDictionary(static v => v, _ => start, StringComparer.Ordinal);
        foreach (var span in found.OrderBy(static s => s.Start))
        {
            var value = text[span.Start..span.End];
            if (value.Length >= ShortestRepeated && value.All(static c => c is > ' ' and <= '~') && known.Add(value))
            {
                again[value] = span.End;
            }
        }

        foreach (var (value, from) in again)
        {
            for (var at = text.IndexOf(value, from, StringComparison.Ordinal); at >= 0;)
            {
                found.Add(Hide(text, at, at + value.Length));
                at = text.IndexOf(value, at + value.Length, StringComparison.Ordinal);
            }
        }

        return Spans.Replace(text, start, Spans.Choose(found));
    }

    private Span Hide(string text, int start, int end) => new(start, end, mode switch
    {
        SecretRedaction.Partial when end - start > 4 => $"{text[start..(start + 2)]}..{text[(end - 2)..end]}",
        SecretRedaction.Hash => Hash(text[start..end]),
        _ => "******",
    });

#pragma warning disable CA5351 // A label that upstream's users compare, not a protection.
    private static string Hash(string value) => Convert.ToHexStringLower(MD5.HashData(Encoding.UTF8.GetBytes(value)));
#pragma warning restore CA5351
}
