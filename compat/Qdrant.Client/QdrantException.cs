namespace Qdrant.Client;

/// <summary>The server answered that it did not carry out a change of collections or aliases.</summary>
/// <param name="message">What was not done.</param>
public class QdrantException(string message) : Exception(message);
