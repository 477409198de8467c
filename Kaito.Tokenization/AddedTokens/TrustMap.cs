namespace Kaito.Tokenization.AddedTokens;

/// <summary>Which stretches of a text may hold special tokens.</summary>
internal sealed class TrustMap
{
    // Ends of runs that alternate between trusted and not; the first run is trusted and may be empty.
    private readonly int[] _ends;

    private TrustMap(int[] ends) => _ends = ends;

    public static TrustMap Everything { get; } = new([int.MaxValue]);

    public static TrustMap Nothing { get; } = new([0, int.MaxValue]);

    public static TrustMap For(SpecialTokenPolicy policy) =>
        policy == SpecialTokenPolicy.Parse ? Everything : Nothing;

    public static TrustMap For(IEnumerable<TextSegment> segments)
    {
        var ends = new List<int> { 0 };
        var trusted = true;
        var at = 0;
        foreach (var segment in segments.Where(static segment => segment.Text.Length > 0))
        {
            if (segment.Trusted != trusted)
            {
                ends.Add(at);
                trusted = segment.Trusted;
            }

            at += segment.Text.Length;
            ends[^1] = at;
        }

        ends[^1] = int.MaxValue;
        return new([.. ends]);
    }

    /// <summary>True when all of the stretch is trusted.</summary>
    public bool Covers(int start, int end)
    {
        var run = Run(start);
        return Trusted(run) && _ends[run] >= end;
    }

    /// <summary>True when some of the stretch is trusted.</summary>
    public bool Overlaps(int start, int end)
    {
        var run = Run(start);
        return Trusted(run) || _ends[run] < end;
    }

    /// <summary>The map of a stretch whose text was rewritten.</summary>
    /// <param name="start">Where the stretch begins in this map.</param>
    /// <param name="end">Where it ends.</param>
    /// <param name="moved">Where in the rewritten text a place of the stretch, counted from its start, went.</param>
    public TrustMap Rewritten(int start, int end, Func<int, int> moved)
    {
        var ends = new List<int>();
        for (var run = Run(start); run < _ends.Length && _ends[run] < end; run++)
        {
            ends.Add(Math.Max(moved(_ends[run] - start), ends.Count > 0 ? ends[^1] : 0));
        }

        ends.Add(int.MaxValue);
        return new(Trusted(Run(start)) ? [.. ends] : [0, .. ends]);
    }

    private static bool Trusted(int run) => run % 2 == 0;

    private int Run(int at)
    {
        var found = Array.BinarySearch(_ends, at);
        if (found < 0)
        {
            return ~found;
        }

        // An end belongs to the run after it; empty runs share their end with the one before.
        while (found < _ends.Length && _ends[found] <= at)
        {
            found++;
        }

        return found;
    }
}
