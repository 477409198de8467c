using System.Globalization;
using Kaito.Core.Api;

namespace Kaito.Core.Workspaces;

/// <summary>The rules of one adapter.</summary>
internal static class AdapterRules
{
    public static Adapter? Parse(AdapterSpec spec, string path, Findings findings)
    {
        if (spec.Source is not { } source)
        {
            findings.Required($"{path}.source", "Name the adapter and its image or volume.");
            return null;
        }

        var valid = CheckName(source.Name, $"{path}.source.name", findings);
        valid &= CheckPlace(source, $"{path}.source", findings);
        return TryStrength(spec.Strength, $"{path}.strength", findings, out var strength) && valid
            ? new(source.Name!, source, strength)
            : null;
    }

    private static bool CheckName(string? name, string path, Findings findings)
    {
        if (string.IsNullOrEmpty(name))
        {
            findings.Required(path, "The name is the model id that clients send.");
            return false;
        }

        if (!Names.IsSubdomain(name))
        {
            findings.Error(
                path, "invalid-name", $"\"{name}\" is not a name of lower-case letters, digits, dashes and dots.");
            return false;
        }

        return true;
    }

    private static bool CheckPlace(DataSource source, string path, Findings findings)
    {
        if (source.Urls is { IsEmpty: false })
        {
            findings.Error(
                $"{path}.urls", "urls-unsupported", "Adapters are not downloaded. Use image or volumeSource.");
            return false;
        }

        var hasImage = source.Image is { Length: > 0 };
        if (hasImage == source.VolumeSource is not null)
        {
            findings.Error(path, "one-source", "Set exactly one of image and volumeSource.");
            return false;
        }

        if (hasImage && !Names.IsImage(source.Image!))
        {
            findings.Error(
                $"{path}.image", "invalid-image",
                $"\"{source.Image}\" is not an image such as registry.example.com/adapters/phi-3:1.0.");
            return false;
        }

        return true;
    }

    private static bool TryStrength(string? text, string path, Findings findings, out double strength)
    {
        strength = 1;
        if (string.IsNullOrEmpty(text))
        {
            return true;
        }

        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out strength)
            && strength is >= 0 and <= 1)
        {
            return true;
        }

        findings.Error(path, "out-of-range", $"\"{text}\" is not a number from 0 to 1, e.g. \"0.8\".");
        return false;
    }
}
