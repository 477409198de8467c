namespace Kaito.InferenceHost.Embeddings;

/// <summary>One embedding call in the metrics; one that neither succeeded nor failed was given up.</summary>
/// <param name="ended">Takes the reason, once.</param>
internal sealed class EmbeddingWatch(Action<string> ended) : IDisposable
{
    private string _reason = "abort";

    public void Succeed() => _reason = "stop";

    public void Fail() => _reason = "error";

    public void Dispose() => ended(_reason);
}
