using System.Globalization;
using System.Text;

namespace Kaito.RagEngine.Guardrails.Scanners;

/// <summary>Format, private and unassigned characters: text that a reader does not see.</summary>
internal sealed class InvisibleTextScanner() : OutputScanner(Name)
{
    public const string Name = "invisible_text";

    public override bool NeedsWhole => false;

    public override int Decided(string text, int start) => text.Length;

    public override Scan Scan(string text, int start, ISet<string> known)
    {
        var piece = text[start..];
        var visible = new StringBuilder(piece.Length);
        foreach (var rune in piece.EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Format or UnicodeCategory.PrivateUse
                or UnicodeCategory.OtherNotAssigned))
            {
                visible.Append(rune.ToString());
            }
        }

        return visible.Length == piece.Length ? new(piece, false) : new(visible.ToString(), true);
    }
}
