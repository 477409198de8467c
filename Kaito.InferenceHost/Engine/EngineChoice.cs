namespace Kaito.InferenceHost.Engine;

/// <summary>Which engine runs the model.</summary>
internal enum EngineChoice
{
    /// <summary>The slot engine; GenAI's where the graph takes inputs or number types that it cannot feed.</summary>
    Auto,

    /// <summary>The slot engine or nothing.</summary>
    Slot,

    /// <summary>GenAI's generators.</summary>
    GenAi,
}

/// <summary>The engine that was taken.</summary>
/// <param name="Engine">Loaded.</param>
/// <param name="Name">As the user would choose it: <c>slot</c> or <c>genai</c>.</param>
/// <param name="Fallback">Why the first choice was not taken; <see langword="null"/> when it was.</param>
internal sealed record ChosenEngine(IInferenceEngine Engine, string Name, string? Fallback)
{
    /// <param name="choice">What the user wants.</param>
    /// <param name="slot">Loads the slot engine.</param>
    /// <param name="genAi">Loads GenAI's.</param>
    /// <exception cref="ModelFolderException">The model cannot be loaded; another engine would not help, or was not
    /// allowed, or failed as well.</exception>
    public static ChosenEngine Load(EngineChoice choice, Func<IInferenceEngine> slot, Func<IInferenceEngine> genAi)
    {
        if (choice == EngineChoice.GenAi)
        {
            return new(genAi(), "genai", null);
        }

        try
        {
            return new(slot(), "slot", null);
        }
        catch (UnsuitableGraphException reason) when (choice == EngineChoice.Auto)
        {
            return new(genAi(), "genai", reason.Message);
        }
    }
}
