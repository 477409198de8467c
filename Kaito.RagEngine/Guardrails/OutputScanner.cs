namespace Kaito.RagEngine.Guardrails;

/// <summary>What a finding leads to.</summary>
internal enum GuardrailAction
{
    /// <summary>The scanner's replacement takes the place of what was found.</summary>
    Redact,

    /// <summary>The policy's message takes the place of the whole answer.</summary>
    Block,
}

/// <param name="Text">The text as it may go on; the scanned one where nothing was changed.</param>
/// <param name="Hit">True if the scanner objects.</param>
internal readonly record struct Scan(string Text, bool Hit);

/// <summary>
/// PURE: one rule of a policy. Immutable, so every answer shares it.
/// </summary>
/// <remarks>
/// An answer that streams is scanned in pieces. <see cref="Decided"/> says where a piece may end so that the scans of
/// the pieces, put together, are the scan of the whole text, however the text was cut on its way.
/// </remarks>
/// <param name="type">Its name in policies, metrics and logs.</param>
internal abstract class OutputScanner(string type)
{
    public string Type => type;

    public GuardrailAction Action { get; init; }

    /// <summary>True if the scanner's verdict needs the whole text.</summary>
    public virtual bool NeedsWhole => true;

    /// <summary>The text that must not change any more when it is scanned.</summary>
    /// <param name="text">Text of which more may come.</param>
    /// <param name="start">Before it lies text of which the verdict is known; it counts as what stands to the left.</param>
    /// <returns>The end of the longest piece from <paramref name="start"/> that no finding reaches beyond.</returns>
    public virtual int Decided(string text, int start) => start;

    /// <summary>Scans from <paramref name="start"/>.</summary>
    /// <param name="text">One piece of an answer, after up to two characters of the piece before.</param>
    /// <param name="start">Where the piece begins.</param>
    /// <param name="known">Values that this scanner found before in the same answer; it may add to them.</param>
    /// <returns>The piece alone, changed or not.</returns>
    /// <exception cref="System.Text.RegularExpressions.RegexMatchTimeoutException">A pattern takes too long.</exception>
    public abstract Scan Scan(string text, int start, ISet<string> known);
}
