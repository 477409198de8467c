namespace Kaito.Embeddings;

/// <summary>
/// The model folder cannot be used, or the model failed while it ran; the message names what and the remedy.
/// </summary>
public sealed class EncoderException(string message, Exception? inner = null) : Exception(message, inner);
