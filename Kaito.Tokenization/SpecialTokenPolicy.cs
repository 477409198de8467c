namespace Kaito.Tokenization;

/// <summary>What the spelling of a special token inside a text means.</summary>
public enum SpecialTokenPolicy
{
    /// <summary>Ordinary characters: the text can never produce a special token. For text of unknown origin.</summary>
    AsText,

    /// <summary>The special token itself. For text that the model's own template or its operator wrote.</summary>
    Parse,
}
