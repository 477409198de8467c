using Kaito.Core.Catalog;

namespace Kaito.Operator.Models;

/// <summary>What is known of a repository that the catalogue lacks.</summary>
internal abstract record ModelAnswer
{
    private ModelAnswer()
    {
    }

    /// <summary>Somebody is looking.</summary>
    public sealed record Pending : ModelAnswer;

    /// <summary>It was read.</summary>
    public sealed record Known(ModelPreset Model) : ModelAnswer;

    /// <summary>It could not be read, and is tried again after a pause.</summary>
    /// <param name="Reason">One word for programs.</param>
    /// <param name="Message">The cause and the next action.</param>
    /// <param name="Retry">Until the next try.</param>
    public sealed record Refused(string Reason, string Message, TimeSpan Retry) : ModelAnswer;
}
