namespace Kaito.InferenceHost.Tools;

/// <summary>A piece of an answer, told apart. A closed set: match on all of it.</summary>
internal abstract record AnswerPart
{
    /// <summary>What is meant for the reader.</summary>
    public sealed record Content(string Text) : AnswerPart;

    /// <summary>What the model thought before it answered.</summary>
    public sealed record Reasoning(string Text) : AnswerPart;

    /// <summary>A call of a function begins.</summary>
    /// <param name="Index">Position among the calls of the answer.</param>
    /// <param name="Name">Of the function.</param>
    public sealed record CallStarted(int Index, string Name) : AnswerPart;

    /// <summary>More of a call's arguments; joined, the fragments are a JSON object unless the answer was cut off.</summary>
    /// <param name="Index">Position among the calls of the answer.</param>
    /// <param name="Fragment">JSON text.</param>
    public sealed record CallArguments(int Index, string Fragment) : AnswerPart;
}
