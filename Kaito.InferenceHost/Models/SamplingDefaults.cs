using Kaito.InferenceHost.Engine;

namespace Kaito.InferenceHost.Models;

/// <summary>How a model samples when the request does not say; every value is in its range.</summary>
/// <param name="Temperature">0 to 2; 0 is greedy.</param>
/// <param name="TopP">Above 0 to 1; 1 is off.</param>
/// <param name="TopK">0 is off.</param>
/// <param name="MinP">0 to 1; 0 is off.</param>
/// <param name="RepetitionPenalty">Above 0; 1 is off.</param>
/// <param name="MaxNewTokens">Most tokens of an answer; <see langword="null"/> for all the room there is.</param>
internal sealed record SamplingDefaults(
    float Temperature = 1,
    float TopP = 1,
    int TopK = 0,
    float MinP = 0,
    float RepetitionPenalty = 1,
    int? MaxNewTokens = null)
{
    /// <summary>
    /// The author's generation_config.json speaks first; genai_config.json fills in what it leaves out, but only if it
    /// asks for sampling: otherwise its values are what the builder fills in, and the protocol's defaults hold.
    /// </summary>
    public static SamplingDefaults From(SearchDefaults search, GenerationConfig author)
    {
        var builder = search.DoSample ? search : search with { Temperature = null, TopP = null, TopK = null };
        return new(
            (float)(author.Temperature ?? builder.Temperature ?? 1),
            (float)(author.TopP ?? builder.TopP ?? 1),
            int.Max(0, author.TopK ?? builder.TopK ?? 0),
            (float)(author.MinP ?? 0),
            (float)(author.RepetitionPenalty ?? builder.RepetitionPenalty ?? 1),
            author.MaxNewTokens);
    }
}
