using System.Runtime.InteropServices;
using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Models;

namespace Kaito.InferenceHost.Constraints;

/// <summary>Leaves a thought free that the prompt has opened, and keeps what follows in its form.</summary>
internal sealed class AfterThought(ITokenConstraint form, IModelText text) : ITokenConstraint, IDisposable
{
    private static ReadOnlySpan<byte> End => "</think>"u8;

    private readonly List<byte> _tail = [];
    private bool _ended;

    /// <inheritdoc/>
    public string? Failure => form.Failure;

    /// <inheritdoc/>
    public void Mask(Span<float> logits)
    {
        if (_ended)
        {
            form.Mask(logits);
        }
    }

    /// <inheritdoc/>
    public void Push(int token)
    {
        if (_ended)
        {
            form.Push(token);
            return;
        }

        _tail.AddRange(text.TokenBytes(token));
        _ended = CollectionsMarshal.AsSpan(_tail).IndexOf(End) >= 0;
        if (_tail.Count > 64)
        {
            _tail.RemoveRange(0, _tail.Count - 64);
        }
    }

    public void Dispose() => (form as IDisposable)?.Dispose();
}
