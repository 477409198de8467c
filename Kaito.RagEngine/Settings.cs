using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core;

namespace Kaito.RagEngine;

/// <summary>Reads settings one by one and collects what is wrong with them.</summary>
/// <param name="named">Given on the command line; they win.</param>
/// <param name="environment">Reads one variable.</param>
/// <param name="found">Receives errors.</param>
internal sealed class Settings(
    IReadOnlyDictionary<string, string> named,
    Func<string, string?> environment,
    ImmutableArray<FieldError>.Builder found)
{
    /// <summary><see langword="null"/> when unset or empty.</summary>
    public string? Text(string name) =>
        (named.GetValueOrDefault(name) ?? environment(name)) is { Length: > 0 } text ? text : null;

    public bool Flag(string name, bool otherwise) => Text(name)?.ToLowerInvariant() switch
    {
        null => otherwise,
        "true" or "1" => true,
        "false" or "0" => false,
        var other => Refuse(name, $"{name} is {other}; give true or false."),
    };

    /// <summary><see langword="null"/> when unset.</summary>
    public int? Whole(string name, int least, int most) => Text(name) is null ? null : Whole(name, least, least, most);

    public int Whole(string name, int otherwise, int least, int most)
    {
        if (Text(name) is not { } text)
        {
            return otherwise;
        }

        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            && value >= least && value <= most)
        {
            return value;
        }

        Refuse(name, $"{name} is {text}; give a whole number from {least} to {most}.");
        return otherwise;
    }

    /// <summary><see langword="null"/> when unset.</summary>
    public double? Number(string name, double least, double most) =>
        Text(name) is null ? null : Number(name, least, least, most);

    public double Number(string name, double otherwise, double least, double most)
    {
        if (Text(name) is not { } text)
        {
            return otherwise;
        }

        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            && value >= least && value <= most)
        {
            return value;
        }

        Refuse(name, string.Create(
            CultureInfo.InvariantCulture, $"{name} is {text}; give a number from {least} to {most}."));
        return otherwise;
    }

    public Uri? Address(string name)
    {
        if (Text(name) is not { } text)
        {
            return null;
        }

        if (Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https")
        {
            return url;
        }

        Refuse(name, $"{name} is {text}; give an http or https address.");
        return null;
    }

    /// <summary>Returns <see langword="false"/>, for use in expressions.</summary>
    public bool Refuse(string name, string message)
    {
        found.Add(new(name, "invalid", message));
        return false;
    }
}
