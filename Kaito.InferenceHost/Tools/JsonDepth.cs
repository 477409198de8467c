namespace Kaito.InferenceHost.Tools;

/// <summary>How deep in JSON text one is, and whether within a string.</summary>
internal struct JsonDepth
{
    private bool _escaped;

    /// <summary>Open braces and brackets.</summary>
    public int Level { get; private set; }

    public bool InString { get; private set; }

    /// <summary>Goes on by one character.</summary>
    public void Push(char c)
    {
        if (_escaped)
        {
            _escaped = false;
        }
        else if (InString)
        {
            (_escaped, InString) = (c == '\\', c != '"');
        }
        else
        {
            InString = c == '"';
            Level += c is '{' or '[' ? 1 : c is '}' or ']' ? -1 : 0;
        }
    }
}
