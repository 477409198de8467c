using System.Runtime.InteropServices;

namespace Kaito.InferenceHost.Engine;

/// <summary>An admitted sequence: its tokens so far and how many of them are in the cache.</summary>
internal sealed class RunningSequence
{
    private readonly EngineSequence _sequence;
    private readonly List<int> _tokens;

    public RunningSequence(EngineSequence sequence)
    {
        _sequence = sequence;
        _tokens = new(sequence.Prompt.Length + 1);
        _tokens.AddRange(sequence.Prompt.Span);
    }

    public long Id => _sequence.Id;

    /// <summary>Prompt and produced tokens.</summary>
    public ReadOnlySpan<int> Tokens => CollectionsMarshal.AsSpan(_tokens);

    /// <summary>Tokens whose keys and values are in its slot.</summary>
    public int Cached { get; set; }

    /// <summary>Tokens it may come to hold.</summary>
    public int Reserved => _sequence.Prompt.Length + _sequence.MaxNewTokens;

    /// <summary>See <see cref="EngineSequence.PromptReader"/>.</summary>
    public IPromptReader? PromptReader => _sequence.PromptReader;

    /// <summary>See <see cref="EngineSequence.Adapters"/>.</summary>
    public AdapterMix? Adapters => _sequence.Adapters;

    public bool Prefilling => Cached < _sequence.Prompt.Length;

    public bool Finished => _tokens.Count >= Reserved;

    /// <summary>Chooses the next token from a row of logits, shape [vocab], and remembers it.</summary>
    public EngineToken Sample(Span<float> logits)
    {
        var token = _sequence.Sampler.Sample(logits);
        _tokens.Add(token);
        return new(Id, token);
    }
}
