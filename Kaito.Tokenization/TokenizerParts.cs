using Kaito.Tokenization.AddedTokens;
using Kaito.Tokenization.Decoding;
using Kaito.Tokenization.Models;
using Kaito.Tokenization.Normalization;
using Kaito.Tokenization.PostProcessing;
using Kaito.Tokenization.PreTokenization;

namespace Kaito.Tokenization;

/// <summary>The stages of a tokenizer, in the order in which text goes through them.</summary>
internal sealed record TokenizerParts
{
    public required AddedVocabulary Added { get; init; }

    public required Normalizer Normalizer { get; init; }

    public required PreTokenizer PreTokenizer { get; init; }

    public required TokenModel Model { get; init; }

    public required TextFrame Frame { get; init; }

    public required DecoderPlan Decoder { get; init; }

    /// <summary>Names such as <c>bos_token</c> to spellings.</summary>
    public required IReadOnlyDictionary<string, string> SpecialTokens { get; init; }
}
