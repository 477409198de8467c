using System.Collections.Immutable;
using Kaito.InferenceHost.Engine;

namespace Kaito.InferenceHost.Generation;

/// <summary>Keeps sequences of tokens from coming about, by masking the last token where the others stand already.</summary>
/// <param name="sequences">None empty.</param>
internal sealed class BannedSequences(ImmutableArray<ImmutableArray<int>> sequences) : ITokenConstraint
{
    private readonly List<int> _recent = [];
    private readonly int _longest = sequences.Max(static s => s.Length);

    public void Mask(Span<float> logits)
    {
        foreach (var sequence in sequences)
        {
            var before = sequence.Length - 1;
            if (before <= _recent.Count && EndsWith(sequence, before) && (uint)sequence[^1] < (uint)logits.Length)
            {
                logits[sequence[^1]] = float.NegativeInfinity;
            }
        }
    }

    public void Push(int token)
    {
        if (_recent.Count == _longest)
        {
            _recent.RemoveAt(0);
        }

        _recent.Add(token);
    }

    private bool EndsWith(ImmutableArray<int> sequence, int count)
    {
        for (var i = 0; i < count; i++)
        {
            if (_recent[_recent.Count - count + i] != sequence[i])
            {
                return false;
            }
        }

        return true;
    }
}
