using System.Collections.Frozen;
using System.Globalization;

namespace Kaito.Tokenization.Normalization;

/// <summary>
/// Decompositions, compositions and combining classes. They are embedded because the hosts run without ICU, where the
/// runtime's own normalization does nothing.
/// </summary>
/// <seealso href="https://www.unicode.org/reports/tr15/">Unicode Standard Annex 15.</seealso>
internal sealed class UnicodeTable
{
    private const string Resource = "Kaito.Tokenization.Normalization.unicode-14.txt";

    private static readonly Lazy<UnicodeTable> s_instance = new(static () => new());

    private readonly FrozenDictionary<int, int[]> _canonical;
    private readonly FrozenDictionary<int, int[]> _compatible;
    private readonly FrozenDictionary<(int First, int Second), int> _composed;
    private readonly FrozenDictionary<int, byte> _classes;

    private UnicodeTable()
    {
        var canonical = new Dictionary<int, int[]>();
        var compatible = new Dictionary<int, int[]>();
        var composed = new Dictionary<(int, int), int>();
        var classes = new Dictionary<int, byte>();
        using var stream = typeof(UnicodeTable).Assembly.GetManifestResourceStream(Resource)!;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            var mark = line[0] == '#' ? -1 : line.AsSpan().IndexOfAny("=:~@");
            if (mark < 0)
            {
                continue;
            }

            if (line[mark] == '@')
            {
                AddClass(classes, line[..mark], byte.Parse(line.AsSpan(mark + 1), CultureInfo.InvariantCulture));
                continue;
            }

            var code = Hex(line[..mark]);
            var parts = line[(mark + 1)..].Split(' ').Select(Hex).ToArray();
            (line[mark] == '~' ? compatible : canonical)[code] = parts;
            if (line[mark] == '=')
            {
                composed[(parts[0], parts[1])] = code;
            }
        }

        _canonical = canonical.ToFrozenDictionary();
        _compatible = compatible.ToFrozenDictionary();
        _composed = composed.ToFrozenDictionary();
        _classes = classes.ToFrozenDictionary();
    }

    public static UnicodeTable Instance => s_instance.Value;

    /// <summary>One step of decomposition; false when the code point stands for itself.</summary>
    public bool TryDecompose(int code, bool compatible, out int[] parts) =>
        _canonical.TryGetValue(code, out parts!) || (compatible && _compatible.TryGetValue(code, out parts!));

    /// <summary>The code point that a pair composes to.</summary>
    public bool TryCompose(int first, int second, out int composed) =>
        _composed.TryGetValue((first, second), out composed);

    /// <summary>Canonical combining class; 0 for starters.</summary>
    public byte CombiningClass(int code) => _classes.GetValueOrDefault(code);

    private static void AddClass(Dictionary<int, byte> classes, string range, byte value)
    {
        var ends = range.Split('-');
        for (var code = Hex(ends[0]); code <= Hex(ends[1]); code++)
        {
            classes[code] = value;
        }
    }

    private static int Hex(string text) =>
        int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
