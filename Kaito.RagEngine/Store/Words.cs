using System.Globalization;
using System.Text;

namespace Kaito.RagEngine.Store;

/// <summary>
/// PURE: a text's words as keyword search compares them. Scripts without spaces give pairs of characters; plurals and
/// accents fall together; identifiers also give their parts.
/// </summary>
internal static class Words
{
    /// <summary>Changes whenever the same text gives other words: stored word lists are then made again.</summary>
    public const string Version = "1";

    private const int LongestWord = 48;
    private const int MostAsked = 64;

    // What the lower-case letters from U+00E0 to U+017F look like without marks.
    private const string Bare =
        "aaaaaaaceeeeiiiidnooooo/ouuuuyty"
        + "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
        + "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

    /// <summary>Calls back with each word, in order; repeated words come repeatedly.</summary>
    public static void Each(string text, Action<string> word)
    {
        var reader = new Reader(word);
        foreach (var rune in text.EnumerateRunes())
        {
            reader.Take(rune);
        }

        reader.EndWord();
    }

    /// <summary>A question's first words, each once: a question may be as long as a book.</summary>
    public static IReadOnlyCollection<string> OfQuestion(string text)
    {
        var words = new HashSet<string>(StringComparer.Ordinal);
        Each(text, word => _ = words.Count < MostAsked && words.Add(word));
        return words;
    }

    /// <summary>The words with spaces between them.</summary>
    public static string Join(string text)
    {
        var joined = new StringBuilder(text.Length);
        Each(text, word => joined.Append(word).Append(' '));
        return joined.ToString();
    }

    private static string Fold(Rune rune)
    {
        if (rune.Value is >= 0xE0 and <= 0x17F)
        {
            return rune.Value switch
            {
                'æ' => "ae",
                'œ' => "oe",
                'þ' => "th",
                _ => Bare[rune.Value - 0xE0].ToString(),
            };
        }

        return rune.Value switch
        {
            'ß' => "ss",
            'ё' => "е",
            'ά' => "α",
            'έ' => "ε",
            'ή' => "η",
            'ί' => "ι",
            'ό' => "ο",
            'ύ' => "υ",
            'ώ' => "ω",
            'ς' => "σ",
            _ => rune.ToString(),
        };
    }

    // Harman's S stemmer: plurals only, so that no word of another language suffers.
    private static string Stem(string word)
    {
        if (word.Length < 4 || word[^1] != 's' || !Ascii.IsValid(word))
        {
            return word;
        }

        if (word.EndsWith("ies", StringComparison.Ordinal) && word[^4] is not ('e' or 'a'))
        {
            return word[..^3] + "y";
        }

        return word[^2] is 'u' or 's' || word.EndsWith("is", StringComparison.Ordinal) ? word : word[..^1];
    }

    private static bool IsMark(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;

    // Han, kana, Hangul, Thai, Lao, Khmer, Burmese: written without spaces, or with endings that stick to words.
    private static bool IsDense(Rune rune) => rune.Value
        is (>= 0x0E00 and <= 0x0EFF) or (>= 0x1000 and <= 0x109F) or (>= 0x1780 and <= 0x17FF)
        or (>= 0x3040 and <= 0x30FF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x4E00 and <= 0x9FFF)
        or (>= 0xAC00 and <= 0xD7AF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x20000 and <= 0x323AF);

    private sealed class Reader(Action<string> word)
    {
        private readonly StringBuilder _run = new();
        private readonly StringBuilder _part = new();
        private bool _parts;
        private bool _lower;
        private Rune? _before;

        public void Take(Rune rune)
        {
            if (IsDense(rune))
            {
                EndWord();
                word(_before is { } first ? first.ToString() + rune : rune.ToString());
                _before = rune;
                return;
            }

            _before = null;
            if (Rune.IsLetterOrDigit(rune) || (_run.Length > 0 && IsMark(rune)))
            {
                Letter(rune);
            }
            else
            {
                EndWord();
            }
        }

        public void EndWord()
        {
            if (_run.Length > 0)
            {
                if (_parts)
                {
                    EndPart();
                }

                word(Stem(_run.ToString()));
            }

            _run.Clear();
            _part.Clear();
            (_parts, _lower) = (false, false);
        }

        private void Letter(Rune rune)
        {
            if (_run.Length >= LongestWord)
            {
                EndWord();
            }

            if (_lower && Rune.IsUpper(rune))
            {
                EndPart();
            }

            _lower = Rune.IsLower(rune);
            var folded = Fold(Rune.ToLowerInvariant(rune));
            _run.Append(folded);
            _part.Append(folded);
        }

        private void EndPart()
        {
            if (_part.Length > 1)
            {
                word(Stem(_part.ToString()));
            }

            _part.Clear();
            _parts = true;
        }
    }
}
