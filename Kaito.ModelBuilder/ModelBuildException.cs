namespace Kaito.ModelBuilder;

/// <summary>
/// The input cannot become a model folder. The message names the file, the field, its value and a remedy.
/// </summary>
internal sealed class ModelBuildException : Exception
{
    public ModelBuildException(string message)
        : base(message)
    {
    }

    public ModelBuildException(string message, Exception cause)
        : base(message, cause)
    {
    }
}
