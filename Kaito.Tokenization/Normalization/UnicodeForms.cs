using System.Runtime.InteropServices;
using System.Text;

namespace Kaito.Tokenization.Normalization;

/// <summary>The four Unicode normalization forms.</summary>
internal static class UnicodeForms
{
    private const int HangulFirst = 0xAC00;
    private const int HangulCount = 11172;
    private const int LeadFirst = 0x1100;
    private const int LeadCount = 19;
    private const int VowelFirst = 0x1161;
    private const int VowelCount = 21;
    private const int TailFirst = 0x11A7;
    private const int TailCount = 28;

    /// <summary>NFD, or NFKD when compatible.</summary>
    public static string Decompose(string text, bool compatible) =>
        IsAscii(text) ? text : ToText(Decomposed(text, compatible));

    /// <summary>NFC, or NFKC when compatible.</summary>
    public static string Compose(string text, bool compatible) =>
        IsAscii(text) ? text : ToText(Composed(Decomposed(text, compatible)));

    private static bool IsAscii(string text) => Ascii.IsValid(text);

    private static List<int> Decomposed(string text, bool compatible)
    {
        var table = UnicodeTable.Instance;
        var codes = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            Add(table, rune.Value, compatible, codes);
        }

        Order(table, CollectionsMarshal.AsSpan(codes));
        return codes;
    }

    private static void Add(UnicodeTable table, int code, bool compatible, List<int> codes)
    {
        var hangul = code - HangulFirst;
        if (hangul is >= 0 and < HangulCount)
        {
            codes.Add(LeadFirst + (hangul / (VowelCount * TailCount)));
            codes.Add(VowelFirst + (hangul % (VowelCount * TailCount) / TailCount));
            if (hangul % TailCount != 0)
            {
                codes.Add(TailFirst + (hangul % TailCount));
            }
        }
        else if (code >= 0x80 && table.TryDecompose(code, compatible, out var parts))
        {
            foreach (var part in parts)
            {
                Add(table, part, compatible, codes);
            }
        }
        else
        {
            codes.Add(code);
        }
    }

    // Sorts every run of non-starters by class; equal classes keep their order.
    private static void Order(UnicodeTable table, Span<int> codes)
    {
        for (var start = 0; start < codes.Length; start++)
        {
            if (table.CombiningClass(codes[start]) == 0)
            {
                continue;
            }

            var end = start + 1;
            while (end < codes.Length && table.CombiningClass(codes[end]) != 0)
            {
                end++;
            }

            if (end - start > 1)
            {
                int[] ordered = [.. codes[start..end].ToArray().OrderBy(code => table.CombiningClass(code))];
                ordered.CopyTo(codes[start..end]);
            }

            start = end;
        }
    }

    private static List<int> Composed(List<int> codes)
    {
        var table = UnicodeTable.Instance;
        var result = new List<int>(codes.Count);
        var starter = -1;
        var lastClass = 0;
        foreach (var code in codes)
        {
            var combining = table.CombiningClass(code);
            var adjacent = starter == result.Count - 1;
            if (starter >= 0
                && (adjacent || (lastClass < combining && lastClass != 0))
                && TryJoin(table, result[starter], code, out var joined))
            {
                result[starter] = joined;
                continue;
            }

            if (combining == 0)
            {
                starter = result.Count;
            }

            lastClass = combining;
            result.Add(code);
        }

        return result;
    }

    private static bool TryJoin(UnicodeTable table, int first, int second, out int joined)
    {
        var (lead, vowel) = (first - LeadFirst, second - VowelFirst);
        if (lead is >= 0 and < LeadCount && vowel is >= 0 and < VowelCount)
        {
            joined = HangulFirst + (((lead * VowelCount) + vowel) * TailCount);
            return true;
        }

        var (hangul, tail) = (first - HangulFirst, second - TailFirst);
        if (hangul is >= 0 and < HangulCount && hangul % TailCount == 0 && tail is > 0 and < TailCount)
        {
            joined = first + tail;
            return true;
        }

        return table.TryCompose(first, second, out joined);
    }

    private static string ToText(List<int> codes)
    {
        var text = new StringBuilder(codes.Count);
        Span<char> units = stackalloc char[2];
        foreach (var code in codes)
        {
            text.Append(units[..new Rune(code).EncodeToUtf16(units)]);
        }

        return text.ToString();
    }
}
