namespace Kaito.Tokenization.PostProcessing;

/// <summary>The tokens that are put around a single text on request.</summary>
/// <param name="Before">Ids before the text.</param>
/// <param name="After">Ids after the text.</param>
internal sealed record TextFrame(IReadOnlyList<int> Before, IReadOnlyList<int> After)
{
    public static TextFrame None { get; } = new([], []);

    /// <summary>This frame inside another one.</summary>
    public TextFrame Within(TextFrame outer) =>
        new([.. outer.Before, .. Before], [.. After, .. outer.After]);
}
