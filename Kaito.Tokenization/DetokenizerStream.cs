using System.Diagnostics.CodeAnalysis;
using Kaito.Tokenization.Decoding;

namespace Kaito.Tokenization;

/// <summary>
/// Decodes a sequence as it arrives. What all calls return, joined, equals <see cref="Tokenizer.Decode"/> of the whole
/// sequence. For one thread at a time.
/// </summary>
[SuppressMessage("Naming", "CA1711", Justification = "A stream of text, as the reference implementations call it.")]
public sealed class DetokenizerStream
{
    private readonly DecodeChain _chain;
    private readonly TokenTable _tokens;
    private readonly bool _skipSpecialTokens;

    internal DetokenizerStream(DecodeChain chain, TokenTable tokens, bool skipSpecialTokens)
    {
        _chain = chain;
        _tokens = tokens;
        _skipSpecialTokens = skipSpecialTokens;
    }

    /// <summary>Takes the next token.</summary>
    /// <returns>The text that is complete now; empty while a character waits for more tokens.</returns>
    public string Append(int token)
    {
        if (_tokens.Spelling(token, _skipSpecialTokens) is not { } spelling)
        {
            return "";
        }

        _chain.Push(spelling);
        return _chain.Take();
    }

    /// <summary>Ends the sequence.</summary>
    /// <returns>What was held back; an unfinished character becomes U+FFFD.</returns>
    public string Flush()
    {
        _chain.Finish();
        return _chain.Take();
    }
}
