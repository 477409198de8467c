using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Kaito.InferenceHost.Engine;

/// <summary>An admitted sequence: its tokens so far and how many of them are in the cache.</summary>
/// <param name="sequence">As it was added.</param>
/// <param name="order">Rises with every sequence; earlier ones come first.</param>
internal sealed class RunningSequence(EngineSequence sequence, long order)
{
    private readonly List<int> _tokens = [.. sequence.Prompt.Span];

    // Tokens that must be in the cache before the next one can be chosen.
    private int _target = sequence.Prompt.Length;
    private int _promptRead;
    private int _reused;

    public long Id => sequence.Id;

    /// <summary>Who goes first: lower numbers, and among equals the earlier.</summary>
    public (int Priority, long Order) Rank => (sequence.Priority, order);

    /// <summary>Prompt and produced tokens.</summary>
    public ReadOnlySpan<int> Tokens => CollectionsMarshal.AsSpan(_tokens);

    /// <summary>Tokens whose keys and values are in its slot.</summary>
    public int Cached { get; set; }

    /// <summary>Tokens it may come to hold.</summary>
    public int Reserved => sequence.Prompt.Length + sequence.MaxNewTokens;

    /// <summary>See <see cref="EngineSequence.Adapters"/>.</summary>
    public AdapterMix? Adapters => sequence.Adapters;

    /// <summary>Sequences with the same one have the same keys and values for the same tokens, and may know of each other.</summary>
    public string PrefixKey { get; } = sequence.CacheSalt.Length == 0
        ? AdapterMix.KeyOf(sequence.Adapters)
        : $"{AdapterMix.KeyOf(sequence.Adapters)} {Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(sequence.CacheSalt)))}";

    /// <summary>See <see cref="EngineSequence.Unremembered"/>.</summary>
    public bool Unremembered => sequence.Unremembered;

    /// <summary>See <see cref="EngineSequence.OneByOne"/>.</summary>
    public bool OneByOne => sequence.OneByOne;

    /// <summary>It had a slot and gave it up; what was in the cache is computed again.</summary>
    public bool Preempted { get; private set; }

    /// <summary>Somebody wants to read logits of the prompt that were not computed yet.</summary>
    public bool ReadsPrompt => sequence.PromptReader is not null && _promptRead < sequence.Prompt.Length - 1;

    public bool Prefilling => Cached < _target;

    public bool Finished => _tokens.Count >= Reserved;

    /// <summary>Tokens it took from the cache of others.</summary>
    public void Reuse(int tokens)
    {
        Cached = tokens;
        _reused = Preempted ? _reused : tokens;
    }

    /// <summary>Shows the reader what was expected at the positions of a chunk that has just been computed.</summary>
    /// <param name="count">Tokens of the chunk, which begins after <see cref="Cached"/>.</param>
    /// <param name="session">Holds the logits.</param>
    public void ReadPrompt(int count, DecoderSession session)
    {
        // What follows the last token of the prompt is the answer's first one.
        for (var i = 0; ReadsPrompt && i < count; i++)
        {
            if (Cached + i + 1 is var position && position == _promptRead + 1)
            {
                sequence.PromptReader!.Read(position, session.PromptLogits(i));
                _promptRead = position;
            }
        }
    }

    /// <summary>Chooses the next token from a row of logits, shape [vocab], and remembers it.</summary>
    public EngineToken Sample(Span<float> logits)
    {
        var token = sequence.Sampler.Sample(logits);
        _tokens.Add(token);
        return new(Id, token) { Reused = _tokens.Count == sequence.Prompt.Length + 1 ? _reused : 0 };
    }

    /// <summary>Gives its slot up; it goes on where it was once its tokens are in a slot again.</summary>
    public void Preempt() => (Cached, _target, Preempted) = (0, _tokens.Count, true);
}
