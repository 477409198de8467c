namespace Kaito.Tokenization;

/// <summary>A tokenizer file cannot be used. The message names the file, the field and what to do about it.</summary>
public sealed class TokenizerException : Exception
{
    /// <summary>An error that was not described further.</summary>
    public TokenizerException()
    {
    }

    /// <param name="message">File, field and remedy.</param>
    public TokenizerException(string message)
        : base(message)
    {
    }

    /// <param name="message">File, field and remedy.</param>
    /// <param name="innerException">What the reader of the file reported.</param>
    public TokenizerException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
