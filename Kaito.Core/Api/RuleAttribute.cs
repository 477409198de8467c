namespace Kaito.Core.Api;

/// <summary>A rule in the Common Expression Language that the API server checks, on every write, without the operator.</summary>
/// <param name="expression">
/// True where the object is fine; <c>self</c> is the annotated value and <c>oldSelf</c> what it was. A rule that names
/// <c>oldSelf</c> is checked on updates only.
/// </param>
/// <param name="message">What the user reads when it is not.</param>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Class, AllowMultiple = true)]
public sealed class RuleAttribute(string expression, string message) : Attribute
{
    /// <summary>The rule of a value that stays as it was created.</summary>
    public const string Unchanged = "self == oldSelf";

    /// <summary>What a broken <see cref="Unchanged"/> says.</summary>
    public const string Immutable = "field is immutable";

    /// <summary>An expression of type bool.</summary>
    public string Expression { get; } = expression;

    /// <summary>One sentence.</summary>
    public string Message { get; } = message;
}
