using System.Diagnostics;

namespace Kaito.InferenceHost.Engine;

/// <summary>
/// Steps of the only sequence that is answered: the model sees its last token and guesses after it in one run, and the
/// sampler chooses at each place for as long as it chooses what was guessed. What is chosen is what would be chosen token by
/// token, for every sampler; what was wrong is written over by the next run.
/// </summary>
internal sealed class SpeculativeSteps(
    SpeculationOptions options, DecoderSession session, KvSlots cache, SlotTable slots)
{
    private readonly Speculation _guesses =
        new(options with { DraftTokens = int.Min(options.DraftTokens, session.ChunkTokens - 1) });

    public SpeculationCounts Counts => _guesses.Counts;

    /// <summary>The sequence got a token in the ordinary way.</summary>
    public void Plain(TimeSpan took) => _guesses.Plain(took);

    /// <param name="waiting">Sequences that will want a slot.</param>
    /// <param name="produced">Receives at least one token of the sequence in slot 0.</param>
    /// <returns>False when nothing was guessed, and nothing was done.</returns>
    public bool TryStep(int waiting, ICollection<EngineToken> produced)
    {
        var started = Stopwatch.GetTimestamp();
        var sequence = slots[0];
        var run = sequence.OneByOne
            ? []
            : _guesses.Draft(sequence.Tokens, sequence.Reserved - sequence.Tokens.Length - 1);
        if (run.IsEmpty || !slots.TryMakeRoom(sequence.Cached + run.Length, waiting))
        {
            return false;
        }

        session.Prefill(cache, 0, run, sequence.Cached, sequence.Adapters);
        var right = -1;
        do
        {
            right++;
            sequence.Cached++;
            produced.Add(sequence.Sample(session.PromptLogits(right)));
        }
        while (right < run.Length - 1 && sequence.Tokens[^1] == run[right + 1]);
        _guesses.Checked(run.Length - 1, right, Stopwatch.GetElapsedTime(started));
        return true;
    }
}
