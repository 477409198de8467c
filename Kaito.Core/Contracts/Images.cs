namespace Kaito.Core.Contracts;

/// <summary>The container images of this project, by the last segment of their repository name.</summary>
/// <remarks>A development cluster maps these names to the built outputs.</remarks>
public static class Images
{
    /// <summary>Kaito.InferenceHost.</summary>
    public const string InferenceHost = "inference-host";

    /// <summary>Kaito.RagEngine.</summary>
    public const string RagEngine = "rag-engine";

    /// <summary>Kaito.Tuner.</summary>
    public const string Tuner = "tuner";
}
