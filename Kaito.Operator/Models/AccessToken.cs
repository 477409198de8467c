namespace Kaito.Operator.Models;

/// <summary>A token that no log and no message shows.</summary>
internal sealed class AccessToken(string value)
{
    public string Reveal() => value;

    public override string ToString() => "(hidden)";
}
