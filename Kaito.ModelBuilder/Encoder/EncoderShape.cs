namespace Kaito.ModelBuilder.Encoder;

/// <summary>Sizes of a BERT encoder.</summary>
internal sealed record EncoderShape
{
    public required int Layers { get; init; }

    public required int Hidden { get; init; }

    public required int Heads { get; init; }

    public required int Intermediate { get; init; }

    public required int Vocabulary { get; init; }

    /// <summary>Most tokens of a text: rows of the position table.</summary>
    public required int Positions { get; init; }

    /// <summary>Rows of the token type table.</summary>
    public required int TokenTypes { get; init; }

    public required float NormEpsilon { get; init; }

    /// <summary>Classes of the head that judges texts; 0 for a model without one, which makes vectors.</summary>
    public int Labels { get; init; }

    /// <summary>The operator between the two layers of the feed-forward part, with its domain.</summary>
    public required EncoderActivation Activation { get; init; }
}

/// <summary>An activation of ONNX Runtime.</summary>
/// <param name="Domain">Empty for the default domain.</param>
/// <param name="Operator">Takes and gives one tensor.</param>
internal readonly record struct EncoderActivation(string Domain, string Operator);
