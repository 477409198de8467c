using System.Text;

namespace Kaito.Tokenization.Decoding;

/// <summary>
/// One step from token strings to text, with the state of one text. It passes on what is certain at once and the rest
/// when the text ends, so that streaming and whole decoding are the same code.
/// </summary>
internal abstract class DecodeStep
{
    /// <summary>Takes one token string and passes on what it becomes.</summary>
    public abstract void Push(string token, DecodeTarget target);

    /// <summary>Passes on what was held back.</summary>
    public virtual void Finish(DecodeTarget target)
    {
    }
}

/// <summary>Where a step's output goes: the next step, or the text.</summary>
internal delegate void DecodeTarget(string text);

/// <summary>Makes the steps of one text.</summary>
internal sealed class DecoderPlan(IReadOnlyList<Func<DecodeStep>> steps)
{
    /// <summary>Tokens are spelled with the characters of their bytes.</summary>
    public required bool ByteLevel { get; init; }

    /// <summary>Tokens <c>&lt;0xHH&gt;</c> are bytes.</summary>
    public required bool ByteFallback { get; init; }

    public DecodeChain Start() => new([.. steps.Select(static create => create())]);
}

/// <summary>The steps of one text, in order.</summary>
internal sealed class DecodeChain
{
    private readonly DecodeStep[] _steps;
    private readonly DecodeTarget[] _targets;

    public DecodeChain(DecodeStep[] steps)
    {
        _steps = steps;
        _targets = new DecodeTarget[steps.Length + 1];
        _targets[^1] = text => Output.Append(text);
        for (var index = steps.Length - 1; index >= 0; index--)
        {
            var (step, next) = (steps[index], _targets[index + 1]);
            _targets[index] = text => step.Push(text, next);
        }
    }

    /// <summary>Text that is complete; the caller takes it away.</summary>
    public StringBuilder Output { get; } = new();

    public void Push(string token) => _targets[0](token);

    public void Finish()
    {
        for (var index = 0; index < _steps.Length; index++)
        {
            _steps[index].Finish(_targets[index + 1]);
        }
    }

    /// <summary>Removes and returns the complete text.</summary>
    public string Take()
    {
        var text = Output.ToString();
        Output.Clear();
        return text;
    }
}
