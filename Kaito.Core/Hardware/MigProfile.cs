using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Kaito.Core.Hardware;

/// <summary>How a GPU is cut into slices, e.g. <c>1g.10gb</c>: compute slices and memory of one.</summary>
public sealed partial record MigProfile
{
    private MigProfile(string name, int memoryGi) => (Name, Memory) = (name, ByteSize.FromGi(memoryGi));

    /// <summary>The profiles of NVIDIA's GPUs, smallest GPU first.</summary>
    public static ImmutableArray<string> Known { get; } =
    [
        "1g.6gb", "2g.12gb", "4g.24gb", "1g.5gb", "2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb", "1g.10gb", "1g.20gb",
        "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb", "1g.12gb", "1g.24gb", "2g.24gb", "3g.47gb", "4g.47gb", "7g.94gb",
        "3g.48gb", "4g.48gb", "7g.96gb", "1g.18gb", "1g.35gb", "2g.35gb", "3g.71gb", "4g.71gb", "7g.141gb", "1g.23gb",
        "1g.45gb", "2g.45gb", "3g.90gb", "4g.90gb", "7g.180gb",
    ];

    /// <summary>As the user and the device plugin write it.</summary>
    public string Name { get; }

    /// <summary>Memory of one slice, in whole GiB.</summary>
    public ByteSize Memory { get; }

    /// <summary>What a pod asks the node for, e.g. <c>nvidia.com/mig-1g.10gb</c>.</summary>
    public string Resource => $"nvidia.com/mig-{Name}";

    /// <summary>Reads a profile; <see langword="null"/> when there is none of that name.</summary>
    public static MigProfile? Find(string? text)
    {
        var match = Syntax().Match(text ?? "");
        return match.Success && Known.Contains(text!)
            ? new(text!, (int)double.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture))
            : null;
    }

    [GeneratedRegex(@"^[0-9]+g\.([0-9]+(?:\.[0-9]+)?)gb\z", RegexOptions.CultureInvariant)]
    private static partial Regex Syntax();
}
