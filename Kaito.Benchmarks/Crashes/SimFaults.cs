namespace Kaito.Benchmarks.Crashes;

/// <summary>What goes wrong with one write of the operator.</summary>
internal enum WriteFault
{
    /// <summary>The process dies before the API server gets it.</summary>
    KilledBefore,

    /// <summary>The process dies when the write is done, before it is told so.</summary>
    KilledAfter,

    /// <summary>The API server refuses it: 500.</summary>
    Refused,

    /// <summary>The write is done, but the answer is lost on the way.</summary>
    AnswerLost,

    /// <summary>Somebody else was first: 409.</summary>
    Conflict,
}

/// <summary>How the API server's watches behave towards the operator.</summary>
internal enum WatchFault
{
    /// <summary>Each change is told at once.</summary>
    None,

    /// <summary>Each change is told seconds late; kinds are not in step with each other.</summary>
    Late,

    /// <summary>Changes are told when the operator has nothing else to do: it decides on the oldest copy there can be.</summary>
    WhenIdle,

    /// <summary>Every change is followed by older ones again.</summary>
    Repeated,

    /// <summary>Now and then the server has forgotten the version, and the operator lists again.</summary>
    Forgotten,
}

/// <summary>What goes wrong in one run.</summary>
internal sealed record SimFaults
{
    /// <summary>The writes that fail, counted from 1 over all processes of the run.</summary>
    public IReadOnlyDictionary<int, WriteFault> Writes { get; init; } = new Dictionary<int, WriteFault>();

    public WatchFault Watches { get; init; }

    /// <summary>Orders what could happen in any order.</summary>
    public int Seed { get; init; }

    public override string ToString()
    {
        var writes = Writes.OrderBy(static w => w.Key).Select(static w => $"{w.Value} at write {w.Key}");
        var parts = Watches == WatchFault.None ? writes : writes.Append($"watches {Watches}");
        return string.Join(", ", Seed == 0 ? parts : parts.Append($"seed {Seed}"));
    }
}
