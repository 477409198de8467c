using System.Collections.Immutable;

namespace Kaito.RagEngine.Guardrails;

/// <summary>How a policy came to be.</summary>
internal enum PolicyOutcome
{
    /// <summary>Guardrails are off; the file was not opened.</summary>
    Off,

    /// <summary>The file was read; single scanners may have been left out.</summary>
    Read,

    /// <summary>No path, or no file there.</summary>
    Missing,

    /// <summary>The file cannot be read, or is not YAML.</summary>
    Unreadable,

    /// <summary>The document is not a policy.</summary>
    Invalid,
}

/// <param name="Event">Name that operators search logs for.</param>
/// <param name="Text">What is wrong and what to do.</param>
internal sealed record PolicyProblem(string Event, string Text);

/// <param name="Type">A scanner of the document, by its normalised name.</param>
/// <param name="Built">False if it was left out.</param>
internal sealed record ScannerBuild(string Type, bool Built);

/// <summary>What answers are held to. Immutable; a request keeps the one that it began with.</summary>
internal sealed record GuardrailPolicy
{
    public const string DefaultMessage = "The model output was blocked by output guardrails.";

    public static readonly GuardrailPolicy Off = new();

    public bool Enabled { get; init; }

    public PolicyOutcome Outcome { get; init; } = PolicyOutcome.Off;

    public string Path { get; init; } = "";

    /// <summary>SHA-256 of the file's bytes, hexadecimal; empty without a file.</summary>
    public string Hash { get; init; } = "";

    /// <summary>For scanners that name none.</summary>
    public GuardrailAction Action { get; init; } = GuardrailAction.Redact;

    /// <summary>What takes the place of a blocked answer.</summary>
    public string BlockMessage { get; init; } = DefaultMessage;

    public ImmutableArray<OutputScanner> Scanners { get; init; } = [];

    public ImmutableArray<ScannerBuild> Builds { get; init; } = [];

    public ImmutableArray<PolicyProblem> Problems { get; init; } = [];

    /// <summary>True if there is anything to scan with.</summary>
    public bool Scans => Enabled && Scanners.Length > 0;

    /// <summary>True if all of the document counts: nothing had to be left out or replaced by a default.</summary>
    public bool Whole => Outcome == PolicyOutcome.Read && Problems.IsEmpty;
}
