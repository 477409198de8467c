namespace Kaito.Tokenization.Models;

/// <summary>
/// Turns one piece of pre-tokenized text into token ids. Implementations are immutable and thread-safe.
/// </summary>
internal abstract class TokenModel
{
    protected TokenModel(IReadOnlyDictionary<string, int> vocabulary)
    {
        Vocabulary = vocabulary;
    }

    public IReadOnlyDictionary<string, int> Vocabulary { get; }

    /// <summary>Appends the ids of one piece.</summary>
    public abstract void Encode(ReadOnlySpan<char> piece, List<int> ids);
}
