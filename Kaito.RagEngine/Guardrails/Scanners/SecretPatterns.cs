using System.Buffers;
using System.Text.RegularExpressions;

namespace Kaito.RagEngine.Guardrails.Scanners;

/// <summary>PURE: what secrets look like. Each finding is the secret alone, without what introduces it.</summary>
internal static partial class SecretPatterns
{
    private const double Base64Bits = 4.5;
    private const double HexBits = 3.0;
    private const int ShortestAssigned = 8;

    private static readonly SearchValues<char> s_letters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    private static readonly SearchValues<char> s_hex = SearchValues.Create("0123456789abcdefABCDEF");

    // Formats that their issuers publish: cloud keys, code hosts, payment, mail, chat, model services.
    private const string Tokens =
        """
        (?<![A-Za-z0-9])(?:
        (?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}
        |AIza[0-9A-Za-z_\-]{35}|GOCSPX-[0-9A-Za-z_\-]{28}|ya29\.[0-9A-Za-z_\-]{20,}
        |gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_\-]{20,}|gldt-[A-Za-z0-9_\-]{20,}
        |xox[abeoprs]-[A-Za-z0-9\-]{10,}|xapp-[0-9A-Za-z\-]{10,}
        |(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}|sq0(?:csp|atp)-[0-9A-Za-z_\-]{22,}
        |sk-(?:proj-|svcacct-|admin-|ant-[a-z0-9]+-)?[A-Za-z0-9_\-]{20,}|hf_[A-Za-z]{30,}|r8_[A-Za-z0-9]{37,}|gsk_[A-Za-z0-9]{48,}
        |SG\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43}|key-[0-9a-f]{32}|[0-9a-f]{32}-us[0-9]{1,2}
        |(?:AC|SK)[0-9a-f]{32}|[0-9]{8,10}:AA[A-Za-z0-9_\-]{33}
        |[MNO][A-Za-z0-9_\-]{23,25}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,}
        |npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_\-]{50,}|dop_v1_[0-9a-f]{64}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}
        |dckr_pat_[A-Za-z0-9_\-]{20,}|hvs\.[A-Za-z0-9_\-]{24,}|nvapi-[A-Za-z0-9_\-]{40,}
        |eyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*
        )
        """;

    private const string Word =
        """
        (?<![A-Za-z0-9_\-])(?:[a-z0-9_\-]*(?:api_?key|apikey|auth_?key|account_?key|access_?key|private_?key|secret_?key|
        client_?secret|secret|passwd|password|pwd|passphrase|auth_?token|access_?token|bearer_?token|token|credentials?))
        """;

    private const string Introduced = Word + """["'`]?\s*(?:=>|:=|[:=])\s*""";

    /// <summary>Secrets in a piece of text; they may overlap.</summary>
    public static IEnumerable<(int Start, int End)> Find(string text, int start)
    {
        foreach (var pattern in (Regex[])[Token(), PrivateKey(), InAddress(), Assigned(), StorageKey()])
        {
            foreach (Match match in pattern.Matches(text, start))
            {
                var group = match.Groups["secret"] is { Success: true } named ? named : match.Groups[0];
                if (pattern != Assigned() || IsSecret(match.Groups["bare"]))
                {
                    yield return (group.Index, group.Index + group.Length);
                }
            }
        }

        foreach (Match match in Quoted().Matches(text, start))
        {
            var value = match.Groups["secret"];
            if (IsRandom(value.ValueSpan))
            {
                yield return (value.Index, value.Index + value.Length);
            }
        }
    }

    /// <summary>
    /// Where a text ends inside something that more text may make a secret of: its first character, or -1.
    /// </summary>
    public static int Open(string text, int start)
    {
        var key = OpenPrivateKey().Match(text, start);
        var assignment = OpenAssignment().Match(text, start);
        return (key.Success, assignment.Success) switch
        {
            (true, true) => Math.Min(key.Index, assignment.Index),
            (true, false) => key.Index,
            (false, true) => assignment.Index,
            _ => -1,
        };
    }

    // Without quotes a word after "password:" is prose unless it looks made up.
    private static bool IsSecret(Group bare) => !bare.Success
        || (bare.Length >= ShortestAssigned && bare.ValueSpan.IndexOfAnyInRange('0', '9') >= 0
            && bare.ValueSpan.IndexOfAny(s_letters) >= 0);

    private static bool IsRandom(ReadOnlySpan<char> value)
    {
        var hex = value.IndexOfAnyExcept(s_hex) < 0;
        if (!hex)
        {
            return Entropy(value) > Base64Bits;
        }

        // Digits alone spread well without being random.
        var bits = Entropy(value);
        return (value.IndexOfAnyExceptInRange('0', '9') < 0 ? bits - (1.2 / Math.Log2(value.Length)) : bits) > HexBits;
    }

    /// <summary>Bits per character, of the characters' own frequencies.</summary>
    private static double Entropy(ReadOnlySpan<char> value)
    {
        Span<int> counts = stackalloc int[128];
        counts.Clear();
        foreach (var c in value)
        {
            counts[c & 127]++;
        }

        var bits = 0.0;
        foreach (var count in counts)
        {
            if (count > 0)
            {
                var share = (double)count / value.Length;
                bits -= share * Math.Log2(share);
            }
        }

        return bits;
    }

    [GeneratedRegex(Tokens, RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Token();

    [GeneratedRegex(
        @"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|\z)",
        RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex PrivateKey();

    [GeneratedRegex(@"://[!-~-[:/@]]{0,256}:(?<secret>[!-~-[@/]]{1,256})@", RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex InAddress();

    [GeneratedRegex(
        Introduced + """(?:"(?<secret>[^"\r\n]{4,256})"|'(?<secret>[^'\r\n]{4,256})'|(?<secret>(?<bare>[!\x23-&\x28-\x5F\x61-~]{8,256})))""",
        RegexOptions.IgnorePatternWhitespace | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Assigned();

    [GeneratedRegex(@"AccountKey=(?<secret>[A-Za-z0-9+/]{86}==)", RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex StorageKey();

    [GeneratedRegex("""(?<quote>["'`])(?<secret>[A-Za-z0-9+/=_\-]{20,512})\k<quote>""", RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Quoted();

    // A header that is not complete, or that of a private key whose end has not come.
    [GeneratedRegex(
        @"-----BEGIN (?:[A-Z0-9 ]*-{0,4}\z|(?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?![\s\S]*-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----))",
        RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex OpenPrivateKey();

    [GeneratedRegex(
        Word + """["'`]?\s*(?:(?:=>|:=|[:=])\s*(?:"[^"\r\n]{0,256}|'[^'\r\n]{0,256})?)?\z""",
        RegexOptions.IgnorePatternWhitespace | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex OpenAssignment();
}
