namespace Kaito.InferenceHost.Embeddings.Encoder;

/// <summary>
/// The model folder cannot be used, or the model failed while it ran; the message names what and the remedy.
/// </summary>
internal sealed class EncoderException(string message, Exception? inner = null) : Exception(message, inner);
