namespace Kaito.Tokenization;

/// <summary>A chat template is malformed, failed, or refused its input with <c>raise_exception</c>.</summary>
public sealed class ChatTemplateException : Exception
{
    /// <summary>An error that was not described further.</summary>
    public ChatTemplateException()
    {
    }

    /// <param name="message">What went wrong.</param>
    public ChatTemplateException(string message)
        : base(message)
    {
    }

    /// <param name="message">What went wrong.</param>
    /// <param name="innerException">What caused it.</param>
    public ChatTemplateException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    internal ChatTemplateException(string message, int line)
        : base(message) => Line = line;

    /// <summary>Line of the template, counted from 1; 0 when the error has no place.</summary>
    public int Line { get; init; }

    /// <summary>
    /// True when the template itself refused the conversation (<c>raise_exception</c>): the message is the author's and
    /// meant for the client.
    /// </summary>
    public bool Refused { get; init; }
}
