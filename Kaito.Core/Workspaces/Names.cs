using System.Text.RegularExpressions;

namespace Kaito.Core.Workspaces;

/// <summary>The syntax of names that reach Kubernetes, file systems and command lines.</summary>
internal static partial class Names
{
    public const int MaxLabel = 63;

    /// <summary>
    /// A StatefulSet labels its pods with its own name, a dash and a hash of ten characters; that label has at most 63.
    /// </summary>
    public const int MaxWorkload = MaxLabel - 11;

    public static bool IsLabel(string name) => name.Length is > 0 and <= MaxLabel && Label().IsMatch(name);

    public static bool IsSubdomain(string name) => name.Length is > 0 and <= 253 && Subdomain().IsMatch(name);

    public static bool IsImage(string reference) => reference.Length <= 512 && Image().IsMatch(reference);

    /// <summary>A model id that clients send, and that command lines and folders can carry.</summary>
    public static bool IsModel(string name) => name.Length is > 0 and <= 96 && Model().IsMatch(name);

    /// <summary>Owner and name of a Hugging Face repository.</summary>
    public static bool IsRepository(string name) =>
        name.Split('/') is [var owner, var model] && IsModel(owner) && IsModel(model)
        && !name.Contains("..", StringComparison.Ordinal) && !name.Contains("--", StringComparison.Ordinal);

    [GeneratedRegex("^[A-Za-z0-9_]([-._A-Za-z0-9]*[A-Za-z0-9_])?\\z", RegexOptions.CultureInvariant)]
    private static partial Regex Model();

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?\\z", RegexOptions.CultureInvariant)]
    private static partial Regex Label();

    [GeneratedRegex(
        "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\z", RegexOptions.CultureInvariant)]
    private static partial Regex Subdomain();

    // [host[:port]/]path[:tag][@digest]
    [GeneratedRegex(
        "^([A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?(:[0-9]+)?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
        + "(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@[a-z0-9]+:[a-f0-9]{32,})?\\z",
        RegexOptions.CultureInvariant)]
    private static partial Regex Image();
}
