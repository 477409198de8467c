namespace Kaito.Tokenization.AddedTokens;

/// <summary>A token that is found in the text before the model sees it.</summary>
internal sealed record AddedToken
{
    public required int Id { get; init; }

    public required string Content { get; init; }

    /// <summary>Found only where no word character touches it.</summary>
    public bool SingleWord { get; init; }

    /// <summary>Takes the white space on its left.</summary>
    public bool TakesLeft { get; init; }

    /// <summary>Takes the white space on its right.</summary>
    public bool TakesRight { get; init; }

    /// <summary>Looked for in normalized text instead of raw text.</summary>
    public bool Normalized { get; init; }

    /// <summary>A control token: left out of decoded text on request, and not parsed in untrusted text.</summary>
    public bool Special { get; init; }
}
