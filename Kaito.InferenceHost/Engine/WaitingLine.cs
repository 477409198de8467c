namespace Kaito.InferenceHost.Engine;

/// <summary>Admitted sequences without a slot, by priority and then by arrival.</summary>
internal sealed class WaitingLine
{
    private readonly List<RunningSequence> _sequences = [];

    public int Count => _sequences.Count;

    /// <summary>First come first.</summary>
    public IReadOnlyList<RunningSequence> Sequences => _sequences;

    public RunningSequence? First => _sequences is [var first, ..] ? first : null;

    public bool HoldsPreempted => _sequences.Exists(static sequence => sequence.Preempted);

    public void Add(RunningSequence sequence)
    {
        var at = _sequences.FindIndex(other => other.Rank.CompareTo(sequence.Rank) > 0);
        _sequences.Insert(at < 0 ? _sequences.Count : at, sequence);
    }

    public void Remove(RunningSequence sequence) => _sequences.Remove(sequence);

    public void Remove(long id) => _sequences.RemoveAll(sequence => sequence.Id == id);

    public void Clear() => _sequences.Clear();
}
