using System.Text.Json.Serialization;

namespace Kaito.OpenAI;

/// <summary>Log probabilities of the tokens of a chat answer, or of a chunk of it.</summary>
public sealed record ChatLogprobs(IReadOnlyList<ChatTokenLogprob> Content);

/// <summary>A token, its log probability, and what else might have come.</summary>
/// <param name="Token">Its text; U+FFFD where it is no whole character.</param>
/// <param name="Logprob">Natural logarithm; at least -9999.</param>
/// <param name="Bytes">Its UTF-8 bytes, as numbers; they need not be whole characters.</param>
/// <param name="TopLogprobs">Most probable first.</param>
public sealed record ChatTokenLogprob(
    string Token, float Logprob, IReadOnlyList<int> Bytes, IReadOnlyList<TopLogprob> TopLogprobs);

/// <summary>One alternative of a <see cref="ChatTokenLogprob"/>.</summary>
/// <param name="Token">Its text.</param>
/// <param name="Logprob">Natural logarithm; at least -9999.</param>
/// <param name="Bytes">Its UTF-8 bytes, as numbers.</param>
public sealed record TopLogprob(string Token, float Logprob, IReadOnlyList<int> Bytes);

/// <summary>Log probabilities of the tokens of a completion; all lists are of one length.</summary>
/// <param name="TextOffset">Where each token begins in the text, in UTF-16 code units.</param>
/// <param name="TokenLogprobs">Null for a prompt's first token, of which nothing was expected.</param>
/// <param name="Tokens">Their texts.</param>
/// <param name="TopLogprobs">Alternatives by their text, the token itself included.</param>
public sealed record CompletionLogprobs(
    IReadOnlyList<int> TextOffset,
    IReadOnlyList<float?> TokenLogprobs,
    IReadOnlyList<string> Tokens,
    IReadOnlyList<IReadOnlyDictionary<string, float>?> TopLogprobs);

/// <summary>What the model expected at one position of a prompt, in vLLM's shape.</summary>
/// <param name="Logprob">Natural logarithm; at least -9999.</param>
/// <param name="Rank">1 for the most probable token.</param>
/// <param name="DecodedToken">Its text.</param>
public sealed record PromptLogprob(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] float Logprob, int Rank, string DecodedToken);
