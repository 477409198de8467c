using System.Globalization;
using System.Text.RegularExpressions;

namespace Kaito.RagEngine.Guardrails.Scanners;

/// <summary>Personal figures: addresses, numbers, cards.</summary>
/// <param name="detectors">Some of <see cref="Detectors"/>.</param>
internal sealed partial class SensitiveScanner(IReadOnlySet<string> detectors) : OutputScanner(Name)
{
    public const string Name = "sensitive";

    public static readonly string[] Detectors = ["email", "phone", "credit_card", "ip_address"];

    public override bool NeedsWhole => false;

    public override int Decided(string text, int start) => Cuts.Last(text, start, Open);

    public override Scan Scan(string text, int start, ISet<string> known)
    {
        var found = new List<Span>();
        Add("email", Email(), "<EMAIL>", static _ => true);
        Add("phone", Phone(), "<PHONE>", IsPhone);
        Add("credit_card", Card(), "<CREDIT_CARD>", IsCard);
        Add("ip_address", Address(), "<IP_ADDRESS>", IsAddress);
        return Spans.Replace(text, start, Spans.Choose(found));

        void Add(string detector, Regex pattern, string replacement, Func<string, bool> valid)
        {
            if (!detectors.Contains(detector))
            {
                return;
            }

            foreach (Match match in pattern.Matches(text, start))
            {
                if (valid(match.Value))
                {
                    found.Add(new(match.Index, match.Index + match.Length, replacement));
                }
            }
        }
    }

    // Numbers are the only findings with spaces inside: a run of their characters that holds a digit may go on.
    private static int Open(string text, int start)
    {
        var from = text.Length;
        var digit = false;
        while (from > start && (char.IsDigit(text[from - 1]) || "().- +".Contains(text[from - 1], StringComparison.Ordinal)))
        {
            digit |= char.IsDigit(text[--from]);
        }

        return digit ? from : -1;
    }

    private static bool IsPhone(string value) =>
        value.Count(char.IsDigit) is >= 10 and <= 15 && value.Any(static c => !char.IsDigit(c));

    private static bool IsCard(string value)
    {
        var digits = value.Where(char.IsDigit).Select(static c => (int)char.GetNumericValue(c)).Reverse().ToArray();
        return digits.Length is >= 13 and <= 19
            && digits.Select(static (d, i) => i % 2 == 0 ? d : d > 4 ? (2 * d) - 9 : 2 * d).Sum() % 10 == 0;
    }

    private static bool IsAddress(string value) =>
        value.Split('.').All(static o =>
            o is "0" || (o[0] != '0' && byte.TryParse(o, NumberStyles.None, CultureInfo.InvariantCulture, out _)));

    [GeneratedRegex(@"\b[a-zA-Z0-9._%+\-]+@[a-zA-Z0-9.\-]+\.[A-Za-z]{2,}\b", RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Email();

    [GeneratedRegex(@"(?<!\w)(?:\+?\d[\d().\- ]{8,}\d)(?!\w)", RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Phone();

    [GeneratedRegex(@"(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)", RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Card();

    [GeneratedRegex(@"\b(?:\d{1,3}\.){3}\d{1,3}\b", RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Address();
}
