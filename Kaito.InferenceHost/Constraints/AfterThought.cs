using System.Text;
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
        var seen = Encoding.UTF8.GetString([.. _tail]);
        _ended = seen.Contains(Encoding.UTF8.GetString(End), StringComparison.Ordinal);
        if (_tail.Count > 64)
        {
            _tail.RemoveRange(0, _tail.Count - 64);
        }
    }

    public void Dispose() => (form as IDisposable)?.Dispose();
}
